"""Calls for QR codes with a scene."""

from __future__ import annotations

import io

import segno

from simulator.accounts.accounts import Capability
from simulator.api.call import ApiResult, Call, Route
from simulator.content.qrcodes import QrCode


def create(call: Call) -> ApiResult:
    """Create a QR code for a scene."""
    answer = call.platform.qrcodes.create(call.appid, call.body)
    call.platform.change_signal.notify()
    return answer


def picture(code: QrCode) -> bytes:
    """The QR code as PNG, as showqrcode answers it."""
    out = io.BytesIO()
    # four modules of quiet zone are what the QR standard asks for; level M still reads with 15 % of
    # the code damaged, as on posters in halls
    segno.make(code.url, error="m").save(out, kind="png", scale=10, border=4)
    return out.getvalue()


ROUTES = (Route("POST", "/cgi-bin/qrcode/create", create, Capability.QRCODE),)
