"""QR codes with a scene, which citizens can scan.

Temporary codes expire after at most 30 days, permanent ones never. Number and text scenes are
distinct: the text "7" is not the number 7. (WeChat: 生成带参数的二维码.)
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass

from simulator.core.clock import Clock
from simulator.core.errors import ApiError
from simulator.core.json_object import JsonObject
from simulator.core.storage import Storage

# 30 days (WeChat: 生成带参数的二维码)
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

    def create(self, appid: str, body: JsonObject) -> JsonObject:
        """Create a code from the body of the call; raises 40052, 40053 or 45029."""
        action = str(body.get("action_name"))
        if action not in ACTIONS:
            raise ApiError(40053, "invalid action info")
        name, temporary = ACTIONS[action]
        scene = _scene(body, name, temporary=temporary)
        if not temporary:
            same = self._find_permanent(appid, scene, is_number=name == "scene_id")
            # the same scene gives the same permanent code, so a repeated call does not use up the
            # 100,000
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
        answer: JsonObject = {"ticket": code.ticket, "url": code.url}
        return {**answer, "expire_seconds": seconds} if seconds else answer

    def find(self, ticket_or_url: str) -> QrCode | None:
        """The code of a ticket, or of the link encoded in its picture; None if unknown."""
        found = self._by_ticket.get(ticket_or_url)
        if found is None:
            found = next((c for c in self._by_ticket.values() if c.url == ticket_or_url), None)
        return found

    def is_expired(self, code: QrCode) -> bool:
        """Whether a temporary code has expired."""
        return bool(code.expires_at) and code.expires_at <= self._clock.now()

    def list_active(self, appid: str) -> list[QrCode]:
        """The account's codes that have not expired, newest first."""
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


def _scene(body: JsonObject, name: str, *, temporary: bool) -> str:
    info = body.get("action_info")
    scene = info.get("scene") if isinstance(info, dict) else None
    value = scene.get(name) if isinstance(scene, dict) else None
    if name == "scene_str":
        if not isinstance(value, str) or not 1 <= len(value) <= 64:
            raise ApiError(40053, "invalid action info")
        return value
    # scenes of permanent codes end at 100,000
    most = 2**32 - 1 if temporary else 100_000
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ApiError(40053, "invalid action info")
    return str(value)


def _seconds(body: JsonObject) -> int:
    # 60 seconds is the platform's default, a trap for posters that are printed
    seconds = body.get("expire_seconds", 60)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= MAX_SECONDS:
        raise ApiError(40052, "invalid expire_seconds")
    return seconds
