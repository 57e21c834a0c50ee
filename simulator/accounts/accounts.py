"""The official accounts of this platform.

    Account 1 ──< n Follower

An account is what its owner has set up in WeChat's console: identity, secrets, callback mode, and
the console's own automatic replies and menu (`console`). Which API it may call depends on its kind
and on whether it is verified (WeChat: 接口权限说明); the table below says how.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from enum import Enum
from pathlib import Path

import yaml

from simulator.core.errors import ActionRejected
from simulator.core.json_object import JsonObject
from simulator.core.storage import Storage

MODES = ("plain", "compatible", "safe")
KINDS = ("subscription", "service")


class Capability(Enum):
    """A group of API calls that not every account may use."""

    MENU = "menu"
    CONDITIONAL_MENU = "conditional_menu"
    CUSTOM = "custom"
    TEMPLATE = "template"
    NOTICE = "notice"
    USERS = "users"
    QRCODE = "qrcode"
    MASS = "mass"
    MASS_BY_OPENID = "mass_by_openid"
    PUBLISH = "publish"


# WeChat 接口权限说明: what verified accounts of either kind may call
_VERIFIED_ANY = {
    Capability.MENU,
    Capability.CONDITIONAL_MENU,
    Capability.CUSTOM,
    Capability.USERS,
    Capability.MASS,
    Capability.PUBLISH,
}
_GRANTED = {
    # their menu can be made in the console only
    ("subscription", False): set[Capability](),
    ("subscription", True): _VERIFIED_ANY,
    ("service", False): {Capability.MENU},
    ("service", True): set(Capability),
}


@dataclass
class Account:
    """One official account, as set up in the console."""

    appid: str
    original_id: str
    name: str
    secret: str
    token: str
    aes_key: str = ""
    department: str = ""
    kind: str = "service"
    verified: bool = True
    mode: str = "safe"
    callback_url: str = ""  # empty: <callback base>/wechat/<appid>
    ip_allow_list: list[str] | None = None  # None: the feature is switched off
    secret_frozen: bool = False
    # what was set up in WeChat's console before the account had a server, for tests of the import
    console: JsonObject = field(default_factory=dict)  # {"autoreply": {…}, "menu": {…}}

    def is_allowed(self, capability: Capability) -> bool:
        """Whether the kind and verification of the account grant these calls."""
        return capability in _GRANTED[self.kind, self.verified]


_PATTERNS = {
    "appid": (re.compile(r"wx[0-9a-f]{16}"), "wx 加 16 位十六进制字符"),
    "original_id": (re.compile(r"gh_[0-9A-Za-z_]{3,40}"), "gh_ 开头的原始 ID"),
    "name": (re.compile(r".{1,60}"), "1 到 60 个字"),
    "secret": (re.compile(r"[0-9A-Za-z]{16,64}"), "16 到 64 位字母数字"),
    # 3 to 32 letters and digits (WeChat: 接入指南)
    "token": (re.compile(r"[0-9A-Za-z]{3,32}"), "3 到 32 位字母数字"),
    # 43 characters: base64 of 32 bytes without its equals sign
    "aes_key": (re.compile(r"([0-9A-Za-z]{43})?"), "43 位字母数字"),
    "kind": (re.compile("|".join(KINDS)), "service 或 subscription"),
    "mode": (re.compile("|".join(MODES)), "plain、compatible 或 safe"),
    "callback_url": (re.compile(r"(https?://[\w.-]+(:\d{1,5})?(/[!-~]*)?)?"), "http 或 https 网址"),
}
_OPTIONAL = {"aes_key": "", "callback_url": "", "kind": "service", "mode": "safe"}
_VALUE_TYPES: dict[str, tuple[type, ...]] = {
    "department": (str,),
    "verified": (bool,),
    "secret_frozen": (bool,),
    "ip_allow_list": (list, type(None)),
    "console": (dict,),
}


def from_fields(fields_given: JsonObject) -> Account:
    """An account from a mapping in the shape of the accounts file; other keys are ignored.

    Raises ActionRejected, which names the field that is missing or malformed.
    """
    known = {one.name for one in fields(Account)}
    values = {name: value for name, value in fields_given.items() if name in known}
    for name, (pattern, hint) in _PATTERNS.items():
        value = values.get(name, _OPTIONAL.get(name))
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ActionRejected(f"公众号字段 {name} 应为{hint}")
    for name, kinds in _VALUE_TYPES.items():
        if name in values and not isinstance(values[name], kinds):
            raise ActionRejected(f"公众号字段 {name} 的值类型不对")
    account = Account(**values)
    # checked after the fields, because the default of `mode` needs a key too
    if account.mode != "plain" and not account.aes_key:
        raise ActionRejected("公众号字段 aes_key 应为43 位字母数字")
    return account


def read_file(path: Path) -> list[Account]:
    """The accounts of a YAML file with a list `accounts`; ActionRejected when it has none."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ActionRejected(f"{path}：读不出 YAML（{error}）") from error
    rows = content.get("accounts") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
        raise ActionRejected(f"{path}：应有一个 accounts 列表")
    return [from_fields(one) for one in rows]


class Accounts:
    """All accounts by appid, in the order in which they were added."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._by_appid: dict[str, Account] = {}
        for body in storage.load_all("account"):
            self._by_appid[body["appid"]] = Account(**body)

    def add(self, account: Account, *, persist: bool = True) -> None:
        """Add an account or replace its settings; with `persist` they survive a restart."""
        self._by_appid[account.appid] = account
        if persist:
            self._storage.put("account", account.appid, asdict(account))

    def find(self, appid: str) -> Account | None:
        """The account, or None."""
        return self._by_appid.get(appid)

    def get(self, appid: str) -> Account:
        """The account; ActionRejected when there is none."""
        account = self._by_appid.get(appid)
        if account is None:
            raise ActionRejected("没有这个公众号")
        return account

    def __iter__(self) -> Iterator[Account]:
        # a copy: accounts are added while other threads iterate
        return iter(list(self._by_appid.values()))

    def __len__(self) -> int:
        return len(self._by_appid)
