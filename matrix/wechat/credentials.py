"""Credentials: what it takes to speak for one account."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """One account as the gateway sees it.

    `secret` is the AppSecret of an account that is connected directly; an account that gave
    its rights to our third-party platform (`by_platform`) has none here.
    """

    account_id: int
    appid: str
    original_id: str
    secret: str = field(default="", repr=False)
    by_platform: bool = False
