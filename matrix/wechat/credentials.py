"""Credentials: what a call to WeChat on behalf of one account needs."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """One account as the gateway sees it.

    `secret` is the AppSecret of a directly connected account. An account that authorised our
    third-party platform (`by_platform`) has none here (wechat-platform.md 4.1).
    """

    account_id: int
    appid: str
    original_id: str
    # no repr: it would end up in tracebacks and logs
    secret: str = field(default="", repr=False)
    by_platform: bool = False
