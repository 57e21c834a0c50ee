"""The city of the tests: two departments below a city, their accounts, a few rules.

    found()  ──> the rows, in the database of this process
    KEYS     ──> by department code: the account as WeChat knows it

It is founded once for each engine and run, in a template; a test gets a copy (databases.py).
"""

from dataclasses import dataclass
from typing import Any

from config.database import transaction
from keywords.rules import spec, store
from matrix import accounts, departments
from matrix.accounts import AccountKind, AccountSpec
from matrix.wechat.envelope import EncryptionMode
from tests.helpers import NOW

RULES: list[dict[str, Any]] = [
    {
        "id": "police.id_card",
        "department": "police",
        "name": "身份证办理",
        "keywords": ["身份证"],
        "reply": {"type": "text", "content": "请到派出所办理。"},
    },
    {
        "id": "police.long",
        "department": "police",
        "name": "长答复",
        "keywords": ["全部办理须知"],
        "reply": {"type": "text", "content": "须知。" * 700},
    },
    {
        "id": "hrss.card",
        "department": "hrss",
        "name": "社保卡",
        "keywords": ["社保卡", {"text": "hall", "mode": "equal", "kind": "scan"}],
        "reply": {"type": "text", "content": "社保卡可到银行网点补办。"},
    },
    {
        "id": "hrss.menu",
        "department": "hrss",
        "name": "菜单",
        "keywords": [{"text": "MENU_CARD", "mode": "equal", "kind": "click"}],
        "reply": {"type": "text", "content": "您点了菜单。"},
    },
]


@dataclass(frozen=True)
class Keys:
    """An account as WeChat knows it."""

    appid: str
    original_id: str
    token: str
    aes_key: str
    mode: str


def _keys(number: int, mode: EncryptionMode) -> Keys:
    return Keys(
        f"wx{number:016x}", f"gh_{number:012d}", f"token{number}", f"{number:0>42}A", mode.value
    )


KEYS = {
    "police": _keys(1, EncryptionMode.SAFE),
    "hrss": _keys(2, EncryptionMode.COMPATIBLE),
    "release": _keys(9, EncryptionMode.PLAIN),
}


def register(code: str, number: int, department_id: int, mode: EncryptionMode) -> Keys:
    """Register a department's account. Runs inside the caller's transaction."""
    made = _keys(number, mode)
    accounts.create(
        AccountSpec(
            appid=made.appid,
            original_id=made.original_id,
            department_id=department_id,
            name=f"华阴{code}",
            kind=AccountKind.SERVICE,
            verified=True,
            mode=mode,
            token=made.token,
            aes_key=made.aes_key,
            secret=f"secret{number:0>20}",
        ),
        now=NOW,
    )
    return made


def found() -> None:
    """Write the city into an empty database."""
    with transaction():
        city = departments.create(slug="release", name="市委网信办", kind="主号", now=NOW)
        for number, (code, name, mode) in enumerate(
            [
                ("police", "公安局", EncryptionMode.SAFE),
                ("hrss", "人社局", EncryptionMode.COMPATIBLE),
            ],
            1,
        ):
            owner = departments.create(slug=code, name=name, kind="", parent_id=city.id, now=NOW)
            register(code, number, owner.id, mode)
        register("release", 9, city.id, EncryptionMode.PLAIN)
        for rule_spec in spec.parse_rules({"rules": RULES}):
            owner = departments.get_by_slug(rule_spec.department)
            store.upsert(rule_spec, department_id=owner.id, now=NOW)
