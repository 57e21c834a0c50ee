"""QR codes: scenes that a citizen can scan.

Temporary codes end after at most 30 days, permanent ones never. A number and a text scene are two
things: "7" as text is not the scene 7. (WeChat: 生成带参数的二维码.)
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from typing import Any

from simulator.core.clock import Clock
from simulator.core.errors import ApiError
from simulator.core.storage import Storage

MAX_SECONDS = 2_592_000
MAX_PERMANENT = 100_000
ACTIONS = {
    "QR_SCENE": ("scene_id", True),
    "QR_STR_SCENE": ("scene_str", True),
    "QR_LIMIT_SCENE": ("scene_id", False),
    "QR_LIMIT_STR_SCENE": ("scene_str", False),
}


@dataclass
class QrCode:
    """One code. expires_at 0: permanent."""

    ticket: str
    appid: str
    scene: str
    is_number: bool
    url: str
    expires_at: float = 0.0


class QrCodes:
    """All codes by ticket."""

    def __init__(self, clock: Clock, storage: Storage) -> None:
        self._clock = clock
        self._storage = storage
        self._by_ticket = {body["ticket"]: QrCode(**body) for body in storage.load_all("qrcode")}

    def create(self, appid: str, body: dict[str, Any]) -> dict[str, Any]:
        """A new code out of the call's body; 40052, 40053, 45029 when it cannot be."""
        action = body.get("action_name")
        if action not in ACTIONS:
            raise ApiError(40053, "invalid action info")
        name, temporary = ACTIONS[action]
        scene = _scene(body, name, temporary=temporary)
        if not temporary:
            same = self._find_permanent(appid, scene, is_number=name == "scene_id")
            if same is not None:
                return {"ticket": same.ticket, "url": same.url}
        seconds = _seconds(body) if temporary else 0
        code = QrCode(
            "gQ" + secrets.token_urlsafe(70),
            appid,
            scene,
            name == "scene_id",
            "http://weixin.qq.com/q/02" + secrets.token_urlsafe(18),
            self._clock.now() + seconds if seconds else 0.0,
        )
        self._by_ticket[code.ticket] = code
        self._storage.put("qrcode", code.ticket, asdict(code))
        answer: dict[str, Any] = {"ticket": code.ticket, "url": code.url}
        return {**answer, "expire_seconds": seconds} if seconds else answer

    def find(self, ticket_or_url: str) -> QrCode | None:
        """The code of a ticket, or of the link that its picture holds."""
        found = self._by_ticket.get(ticket_or_url)
        if found is None:
            found = next((c for c in self._by_ticket.values() if c.url == ticket_or_url), None)
        return found

    def is_expired(self, code: QrCode) -> bool:
        """Whether a temporary code has ended."""
        return bool(code.expires_at) and code.expires_at <= self._clock.now()

    def list_active(self, appid: str) -> list[QrCode]:
        """The account's living codes, newest first."""
        codes = [c for c in self._by_ticket.values() if c.appid == appid and not self.is_expired(c)]
        return codes[::-1]

    def _find_permanent(self, appid: str, scene: str, *, is_number: bool) -> QrCode | None:
        permanent = [
            code for code in self._by_ticket.values() if code.appid == appid and not code.expires_at
        ]
        for code in permanent:
            if code.scene == scene and code.is_number == is_number:
                return code
        if len(permanent) >= MAX_PERMANENT:
            raise ApiError(45029, "qrcode count out of limit")
        return None


def _scene(body: dict[str, Any], name: str, *, temporary: bool) -> str:
    info = body.get("action_info")
    scene = info.get("scene") if isinstance(info, dict) else None
    value = scene.get(name) if isinstance(scene, dict) else None
    if name == "scene_str":
        if not isinstance(value, str) or not 1 <= len(value) <= 64:
            raise ApiError(40053, "invalid action info")
        return value
    most = 2**32 - 1 if temporary else 100_000
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ApiError(40053, "invalid action info")
    return str(value)


def _seconds(body: dict[str, Any]) -> int:
    seconds = body.get("expire_seconds", 60)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= MAX_SECONDS:
        raise ApiError(40052, "invalid expire_seconds")
    return seconds
