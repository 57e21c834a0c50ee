"""Accounts in files: `accounts`, each with its keys, its welcome and its menu.

token, aes_key and secret may be left out for an account that is known already: it keeps what it
has. So an export without secrets can be edited and loaded where it came from.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.loading.fields import Record, unique
from config.database import session
from config.errors import Invalid
from matrix import accounts, menus
from matrix.accounts import Account, Kind, State, Wish
from matrix.wechat.envelope import Mode

SECTIONS = ("accounts",)

SECRETS = ("token", "aes_key", "secret")
_FIELDS = (
    "appid",
    "original_id",
    "department",
    "name",
    "kind",
    "verified",
    "mode",
    *SECRETS,
    "welcome",
    "paused",
    "menu",
)
_KINDS = {kind.value: kind for kind in Kind}
_MODES = {mode.value: mode for mode in Mode}
_BUTTON = ("name", "kind", "value", "appid", "page", "buttons")


def load(tops: Sequence[Record], departments: dict[str, int], *, now: datetime) -> int:
    """Register and change accounts. Returns how many the files name."""
    listed = [record for top in tops for record in top.rows("accounts")]
    records = unique(listed, "appid")
    unique(listed, "original_id")
    known = {row.appid: row for row in session.scalars(select(Account))}
    taken = {row.original_id: row.appid for row in known.values()}
    for appid, record in records.items():
        if taken.get(record.text("original_id"), appid) != appid:
            raise record.wrong("original_id", "已有账号使用")
        wish = _wish(record.allow(*_FIELDS), known.get(appid), departments)
        with record.blamed("appid"):
            row = known.get(appid)
            if row is None:
                row = accounts.add(wish, now=now)
            else:
                accounts.change(row.id, wish, now=now)
            _switch(record, row)
            _write_menu(record, row, now)
    return len(records)


def ids() -> dict[str, int]:
    """The id of each account by its appid."""
    return dict(session.execute(select(Account.appid, Account.id)).all())


def dump(departments: dict[int, str], *, secrets: bool) -> dict[str, Any]:
    """All accounts with their menus; `secrets` says whether their keys are among it."""
    rows = session.scalars(select(Account).order_by(Account.appid))
    listed = [_shape(row, departments, secrets=secrets) for row in rows]
    return {"accounts": listed} if listed else {}


def _wish(record: Record, row: Account | None, departments: dict[str, int]) -> Wish:
    kept = {name: getattr(row, name) if row else None for name in SECRETS}
    return Wish(
        appid=record.text("appid"),
        original_id=record.text("original_id"),
        department_id=owner(record, departments),
        name=record.text("name"),
        kind=record.choice("kind", _KINDS, Kind.SERVICE.value),
        verified=record.flag("verified", True),
        mode=record.choice("mode", _MODES, Mode.SAFE.value),
        token=record.text("token", kept["token"]),
        aes_key=record.text("aes_key", kept["aes_key"]),
        secret=record.text("secret", kept["secret"]),
        welcome=record.text("welcome", "", longest=2000),
    )


def owner(record: Record, departments: dict[str, int]) -> int:
    """The id of the department that a record names."""
    code = record.text("department")
    if code not in departments:
        raise record.wrong("department", f"没有编号为“{code}”的单位")
    return departments[code]


def _switch(record: Record, row: Account) -> None:
    if not record.has("paused"):
        return
    wanted = record.flag("paused")
    if wanted and row.state is State.ACTIVE:
        accounts.pause(row.id)
    elif not wanted and row.state is State.PAUSED:
        accounts.resume(row.id)


def _write_menu(record: Record, row: Account, now: datetime) -> None:
    if not record.has("menu"):
        return
    for at, button in enumerate(record.records("menu"), 1):
        _check_button(button)
        try:
            menus.parse([button.plain()])
        except Invalid as error:
            raise record.wrong(f"menu[{at}]", error.problem) from error
    with record.blamed("menu"):
        menus.write(row.id, menus.parse(record.plain()["menu"]), now=now)


def _check_button(button: Record) -> None:
    button.allow(*_BUTTON).text("name")
    for name in ("kind", "value", "appid", "page"):
        if button.has(name):
            button.text(name, longest=2000)
    for inner in button.records("buttons"):
        _check_button(inner)


def _shape(row: Account, departments: dict[int, str], *, secrets: bool) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "appid": row.appid,
        "original_id": row.original_id,
        "department": departments[row.department_id],
        "name": row.name,
        "kind": row.kind.value,
        "verified": row.verified,
        "mode": row.mode.value,
    }
    if secrets:
        shape |= {name: getattr(row, name) for name in SECRETS}
    if row.state is State.PAUSED:
        shape["paused"] = True
    if row.welcome:
        shape["welcome"] = row.welcome
    menu = menus.wanted(row.id)
    if menu is not None:
        shape["menu"] = menu.buttons
    return shape
