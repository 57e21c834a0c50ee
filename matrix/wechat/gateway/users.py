"""Users: what WeChat tells about followers. No names or pictures; those it keeps to itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from matrix.wechat.client import WeChatClient
from matrix.wechat.credentials import Credentials
from matrix.wechat.gateway.client import objects, require_field, to_datetime
from matrix.wechat.http_client import JsonObject

# WeChat's limit for one call (wechat-platform.md 8)
MAX_BATCH = 100

_INFO = "/cgi-bin/user/info"
_BATCH = "/cgi-bin/user/info/batchget"
_LIST = "/cgi-bin/user/get"
_TAGS = "/cgi-bin/tags/get"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One openid of one account.

    `source` says how they came to follow, in WeChat's words; `scene` is that of the QR code.
    A person who does not follow has an openid and perhaps a union id, nothing more.
    """

    openid: str
    follows: bool
    followed_at: datetime | None = None
    union_id: str | None = None
    remark: str = ""
    tag_ids: tuple[int, ...] = ()
    source: str = ""
    scene: str = ""


@dataclass(frozen=True, slots=True)
class FollowerPage:
    """Up to 10,000 openids; `next` starts the page after, empty on the last."""

    total: int
    openids: tuple[str, ...]
    next: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A name an account gives to some of its followers, and how many carry it."""

    id: int
    name: str
    count: int


def get_user(account: Credentials, openid: str) -> Profile:
    """What WeChat knows of one follower."""
    return _profile(_INFO, WeChatClient(account).user.get(openid, lang="zh_CN"))


def get_users(account: Credentials, openids: Sequence[str]) -> tuple[Profile, ...]:
    """The same of up to 100 followers. Raises ValueError for more."""
    if len(openids) > MAX_BATCH:
        raise ValueError(f"at most {MAX_BATCH} followers at once")
    if not openids:
        return ()
    # as objects, since wechatpy's shorter form with plain openids says no language
    wanted = [{"openid": openid, "lang": "zh_CN"} for openid in openids]
    found: object = WeChatClient(account).user.get_batch(wanted)
    return tuple(_profile(_BATCH, one) for one in objects(_BATCH, found))


def list_followers(account: Credentials, *, start: str = "") -> FollowerPage:
    """One page of all followers, from the openid after `start`."""
    answer: JsonObject = WeChatClient(account).user.get_followers(start)
    data = answer.get("data")
    openids = data.get("openid", []) if isinstance(data, dict) else []
    # The last page names its own last openid; only an empty page says so plainly.
    following = str(answer.get("next_openid", "")) if openids else ""
    return FollowerPage(
        total=require_field(_LIST, answer, "total", int),
        openids=tuple(str(openid) for openid in openids),
        next=following,
    )


def list_tags(account: Credentials) -> tuple[Tag, ...]:
    """The account's tags."""
    found: object = WeChatClient(account).tag.get()
    return tuple(
        Tag(
            require_field(_TAGS, one, "id", int),
            str(one.get("name", "")),
            count if isinstance(count := one.get("count"), int) else 0,
        )
        for one in objects(_TAGS, found)
    )


def _profile(path: str, answer: JsonObject) -> Profile:
    # a person who does not follow has none of these fields (wechat-platform.md 8)
    tags = answer.get("tagid_list")
    scene = answer.get("qr_scene_str") or answer.get("qr_scene") or ""
    return Profile(
        openid=require_field(path, answer, "openid", str),
        follows=answer.get("subscribe") == 1,
        followed_at=to_datetime(answer.get("subscribe_time")),
        union_id=str(answer["unionid"]) if answer.get("unionid") else None,
        remark=str(answer.get("remark") or ""),
        tag_ids=tuple(tag for tag in tags if isinstance(tag, int))
        if isinstance(tags, list)
        else (),
        source=str(answer.get("subscribe_scene") or ""),
        scene=str(scene),
    )
