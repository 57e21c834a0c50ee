"""QR codes with a scene: who scans one sends us the scene (verified service accounts only).

Temporary ones live up to 30 days. Permanent ones live for ever, cannot be deleted, and an
account has 100,000 of them; they are for things that stand still, such as a hall's window.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from matrix.wechat.client import WeChatClient
from matrix.wechat.credentials import Credentials
from matrix.wechat.gateway.client import require_field
from matrix.wechat.http_client import JsonObject

MAX_LIFETIME = timedelta(days=30)
_IMAGE = "https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket="

_CREATE = "/cgi-bin/qrcode/create"


@dataclass(frozen=True, slots=True)
class QrCode:
    """What to draw (`url`), or where WeChat draws it (`image_url`); permanent without an end."""

    ticket: str
    url: str
    expires_at: datetime | None

    @property
    def image_url(self) -> str:
        """A picture of the code that needs no token."""
        return _IMAGE + quote(self.ticket, safe="")


def create_temporary_qrcode(
    account: Credentials, scene: int | str, *, life: timedelta, now: datetime
) -> QrCode:
    """A code for `life`, 30 days at most. The scene is a 32-bit number or 1 to 64 characters."""
    if isinstance(scene, int):
        _check(0 < scene < 2**32)
    # WeChat refuses a longer life (wechat-platform.md 9.2)
    seconds = int(min(life, MAX_LIFETIME).total_seconds())
    action = "QR_SCENE" if isinstance(scene, int) else "QR_STR_SCENE"
    answer: JsonObject = WeChatClient(account).qrcode.create(
        {"expire_seconds": seconds, "action_name": action, **_scene(scene)}
    )
    # what WeChat grants counts, and not what was asked for
    given = answer.get("expire_seconds")
    ends = now + timedelta(seconds=given if isinstance(given, int) else seconds)
    return QrCode(require_field(_CREATE, answer, "ticket", str), str(answer.get("url", "")), ends)


def create_permanent_qrcode(account: Credentials, scene: int | str) -> QrCode:
    """A code for ever. The scene is a number from 1 to 100,000 or 1 to 64 characters."""
    if isinstance(scene, int):
        _check(1 <= scene <= 100_000)
    action = "QR_LIMIT_SCENE" if isinstance(scene, int) else "QR_LIMIT_STR_SCENE"
    answer: JsonObject = WeChatClient(account).qrcode.create(
        {"action_name": action, **_scene(scene)}
    )
    # `url` is what the code says: drawn here, it needs no call to WeChat for a picture
    return QrCode(require_field(_CREATE, answer, "ticket", str), str(answer.get("url", "")), None)


def _scene(scene: int | str) -> dict[str, object]:
    if isinstance(scene, int):
        return {"action_info": {"scene": {"scene_id": scene}}}
    _check(1 <= len(scene) <= 64)
    return {"action_info": {"scene": {"scene_str": scene}}}


def _check(fits: bool) -> None:
    if not fits:
        raise ValueError("the scene does not fit its kind of code")
