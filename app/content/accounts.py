"""Accounts in files: `accounts`, each with its keys, its welcome and its menu.

token, aes_key and secret may be left out for an account that is known already: it keeps what it
has. So an export without secrets can be edited and loaded where it came from.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from app.content.record import Record, unique_by
from config.database import session
from config.errors import Invalid
from matrix import accounts, menus
from matrix.accounts import Account, AccountKind, AccountSpec, AccountState
from matrix.wechat.envelope import EncryptionMode

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
_KINDS = {kind.value: kind for kind in AccountKind}
_MODES = {mode.value: mode for mode in EncryptionMode}
_BUTTON = ("name", "kind", "value", "appid", "page", "buttons")


def load(tops: Sequence[Record], departments: dict[str, int], *, now: datetime) -> int:
    """Register and change accounts. Returns how many the files name."""
    listed = [record for top in tops for record in top.section("accounts")]
    records = unique_by(listed, "appid")
    # checked over all files first: the unique index of the table would find it too, but could name
    # neither file nor line
    unique_by(listed, "original_id")
    known_accounts = {row.appid: row for row in session.scalars(select(Account))}
    appid_by_original_id = {row.original_id: row.appid for row in known_accounts.values()}
    for appid, record in records.items():
        # the same for what the database has already
        if appid_by_original_id.get(record.text("original_id"), appid) != appid:
            raise record.error("original_id", "已有账号使用")
        # the spec is made inside, since it is what refuses a malformed key
        with record.errors_at("appid"):
            row = known_accounts.get(appid)
            spec = _spec(record.allow_only(*_FIELDS), row, departments)
            if row is None:
                row = accounts.create(spec, now=now)
            else:
                accounts.update(row.id, spec, now=now)
            _apply_paused(record, row)
            _write_menu(record, row, now)
    return len(records)


def ids_by_appid() -> dict[str, int]:
    """The id of each account by its appid."""
    return dict(session.execute(select(Account.appid, Account.id)).all())


def dump(departments: dict[int, str], *, secrets: bool) -> dict[str, object]:
    """All accounts with their menus; `secrets` says whether their keys are among it."""
    rows = session.scalars(select(Account).order_by(Account.appid))
    listed = [_to_data(row, departments, secrets=secrets) for row in rows]
    return {"accounts": listed} if listed else {}


def _spec(record: Record, row: Account | None, departments: dict[str, int]) -> AccountSpec:
    # an export leaves secrets out unless asked for; a known account keeps its own then
    known_secrets = {name: getattr(row, name) if row else None for name in SECRETS}
    return AccountSpec(
        appid=record.text("appid"),
        original_id=record.text("original_id"),
        department_id=department_id_of(record, departments),
        name=record.text("name"),
        kind=record.choice("kind", _KINDS, AccountKind.SERVICE.value),
        verified=record.boolean("verified", True),
        mode=record.choice("mode", _MODES, EncryptionMode.SAFE.value),
        token=record.text("token", known_secrets["token"]),
        aes_key=record.text("aes_key", known_secrets["aes_key"]),
        secret=record.text("secret", known_secrets["secret"]),
        welcome=record.text("welcome", "", max_length=2000),
    )


def department_id_of(record: Record, departments: dict[str, int]) -> int:
    """The id of the department that a record names."""
    code = record.text("department")
    if code not in departments:
        raise record.error("department", f"没有编号为“{code}”的单位")
    return departments[code]


def _apply_paused(record: Record, row: Account) -> None:
    # a file that does not say must not resume an account that staff paused in the console
    if not record.has("paused"):
        return
    is_paused = record.boolean("paused")
    if is_paused and row.state is AccountState.ACTIVE:
        accounts.pause(row.id)
    elif not is_paused and row.state is AccountState.PAUSED:
        accounts.resume(row.id)


def _write_menu(record: Record, row: Account, now: datetime) -> None:
    if not record.has("menu"):
        return
    # one button after the other first, so that an error names its line; the whole is parsed again,
    # for the limits that concern all of them
    for at, button in enumerate(record.records("menu"), 1):
        _check_button(button)
        try:
            menus.parse([button.to_python()])
        except Invalid as error:
            raise record.error(f"menu[{at}]", error.problem) from error
    with record.errors_at("menu"):
        menus.save_from_file(row.id, menus.parse(record.to_python()["menu"]), now=now)


def _check_button(button: Record) -> None:
    button.allow_only(*_BUTTON).text("name")
    # their content is checked by `menus.parse`; here only that each is a text, because a bare
    # number in YAML is none
    for name in ("kind", "value", "appid", "page"):
        if button.has(name):
            button.text(name, max_length=2000)
    for sub_button in button.records("buttons"):
        _check_button(sub_button)


def _to_data(row: Account, departments: dict[int, str], *, secrets: bool) -> dict[str, object]:
    shape: dict[str, object] = {
        "appid": row.appid,
        "original_id": row.original_id,
        "department": departments[row.department_id],
        "name": row.name,
        "kind": row.kind.value,
        "verified": row.verified,
        "mode": row.mode.value,
    }
    # an export usually goes into version control or mail, where secrets have no business
    if secrets:
        shape |= {name: getattr(row, name) for name in SECRETS}
    if row.state is AccountState.PAUSED:
        shape["paused"] = True
    if row.welcome:
        shape["welcome"] = row.welcome
    menu = menus.find_target(row.id)
    if menu is not None:
        shape["menu"] = menu.buttons
    return shape
