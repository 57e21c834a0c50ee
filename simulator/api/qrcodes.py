"""QR codes: create a scene, and the picture of it."""

from __future__ import annotations

import io

import segno

from simulator.accounts.accounts import Capability
from simulator.api.call import ApiResult, Call, Route
from simulator.content.qrcodes import QrCode


def create(call: Call) -> ApiResult:
    """A code for a scene."""
    answer = call.platform.qrcodes.create(call.appid, call.body)
    call.platform.change_signal.notify()
    return answer


def picture(code: QrCode) -> bytes:
    """The code as PNG, as showqrcode answers it."""
    out = io.BytesIO()
    segno.make(code.url, error="m").save(out, kind="png", scale=10, border=4)
    return out.getvalue()


CALLS = (Route("POST", "/cgi-bin/qrcode/create", create, Capability.QRCODE),)
