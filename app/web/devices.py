"""Devices: browsers in which staff have signed in before, known by a signed cookie.

The throttle (matrix/staff/sign_in/throttle.py) counts a known device by itself, so that strangers
who guess at a name cannot keep its owner out. The cookie opens nothing: it only says which count
applies.
"""

import secrets
from collections.abc import Collection

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from matrix.staff.sign_in import throttle

_MAX_AGE_SECONDS = 180 * 24 * 3600
# of people who share a computer at a counter; the first of them is forgotten
_MAX_NAMES = 8


def read() -> tuple[str, frozenset[str]]:
    """The id of this browser and the digests of the names it knows; empty for an unknown one."""
    device, names = _read()
    return device, frozenset(names)


def remember(response: Response, name: str) -> Response:
    """Make this browser a known one of a person. Returns the response."""
    device, known = _read()
    digest = throttle.name_digest(name)
    names = [*(each for each in known if each != digest), digest][-_MAX_NAMES:]
    response.set_cookie(
        _cookie_name(),
        _serializer().dumps([device or secrets.token_urlsafe(16), names]),
        max_age=_MAX_AGE_SECONDS,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response


def _read() -> tuple[str, Collection[str]]:
    try:
        device, names = _serializer().loads(
            request.cookies.get(_cookie_name(), ""), max_age=_MAX_AGE_SECONDS
        )
    except BadData:
        return "", ()
    return device, names


def _cookie_name() -> str:
    # the same prefix as the session's, which binds it to this host where there is https
    return f"{current_app.config['SESSION_COOKIE_NAME']}-device"


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="known device")
