"""Versions: the menus of an account; the newest one is the one WeChat should show.

    DRAFT --push--> WAITING --job--> PUSHED
                          +-------> FAILED --push--> WAITING
                          +-------> SUPERSEDED      a newer version was pushed

A version never changes. Editing, copying from another account and restoring an old version each
create a new one. `find_target` is what the account should show: the newest that is no draft.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, func, select, update
from sqlalchemy.orm import Mapped, aliased, mapped_column

from config import audit, jobs
from config.database import Base, compare_and_set, get_for_update, session
from config.errors import DomainError, Invalid, NotFound, Stale
from config.permissions import Permission, PermissionScope, Principal
from matrix import accounts
from matrix.accounts import Account
from matrix.menus.actions import MenuAction
from matrix.menus.buttons import Rows, to_rows
from matrix.menus.jobs_and_alerts import MenuJob
from matrix.wechat.gateway import Button

MAX_NOTE_LENGTH = 100


class MenuState(StrEnum):
    """What became of a version."""

    DRAFT = "draft"
    WAITING = "waiting"
    PUSHED = "pushed"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class MenuSuperseded(DomainError):
    """Only the newest version can be pushed; an older one is restored first."""

    text = "第 {version} 版不是最新版本，请先恢复它。"


class Menu(Base):
    """One version of an account's menu. `author` is a copy of the name, empty for the hub."""

    __tablename__ = "menus"
    __table_args__ = (UniqueConstraint("account_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    version: Mapped[int]
    buttons: Mapped[list[Any]]
    state: Mapped[MenuState]
    problem: Mapped[str | None]
    note: Mapped[str]
    author: Mapped[str]
    author_id: Mapped[int | None]
    # lets the page show what became of a copy at every account
    copied_from_id: Mapped[int | None] = mapped_column(ForeignKey("menus.id"), index=True)
    created_at: Mapped[datetime]
    pushed_at: Mapped[datetime | None]


@dataclass(frozen=True)
class AccountMenu:
    """An account and its newest version, if it has one."""

    account_id: int
    account: str
    menu: Menu | None


@dataclass(frozen=True)
class MenuCopy:
    """What copying did at one account; `is_new` is False where it shows the same menu already."""

    account_id: int
    account: str
    menu: Menu
    is_new: bool


# ---- for staff ----


def access_menu(principal: Principal, menu_id: int, permission: Permission) -> Menu:
    """A version of an account where the principal has the permission. Raises NotFound."""
    menu = get(menu_id)
    principal.require(permission, account_id=menu.account_id)
    return menu


def list_versions_for_staff(
    principal: Principal, account_id: int, *, before: int | None = None, limit: int = 30
) -> list[Menu]:
    """Versions of an account, newest first, below version `before`. Raises NotFound."""
    accounts.access_account(principal, account_id, Permission.ACCOUNTS_READ)
    statement = select(Menu).where(Menu.account_id == account_id)
    if before is not None:
        statement = statement.where(Menu.version < before)
    return list(session.scalars(statement.order_by(Menu.version.desc()).limit(limit)))


def list_newest_for_staff(principal: Principal) -> list[AccountMenu]:
    """Every account the principal may see, by name, with its newest version."""
    return _newest_by_account(principal.scope(Permission.ACCOUNTS_READ))


def list_targets_for_staff(principal: Principal) -> list[AccountMenu]:
    """Every account whose menu the principal may write, by name, with its newest version."""
    return _newest_by_account(principal.scope(Permission.MENUS_WRITE))


def _newest_by_account(scope: PermissionScope) -> list[AccountMenu]:
    later = aliased(Menu)
    newer = select(later.id).where(
        later.account_id == Menu.account_id, later.version > Menu.version
    )
    rows = session.execute(
        select(Account.id, Account.name, Menu)
        .outerjoin(Menu, (Menu.account_id == Account.id) & ~newer.exists())
        .where(scope.sql_filter(account=Account.id))
        .order_by(Account.name)
    )
    return [AccountMenu(*row) for row in rows]


def save_draft(
    principal: Principal,
    account_id: int,
    buttons: tuple[Button, ...],
    *,
    base_version: int,
    note: str = "",
    now: datetime,
) -> Menu:
    """Save these buttons as a draft; the same as in the newest version changes nothing.

    `base_version` is the version the editor started from, 0 for none. Raises NotFound, Invalid, and
    Stale with the newest version.
    """
    accounts.access_account(principal, account_id, Permission.MENUS_WRITE)
    if len(note) > MAX_NOTE_LENGTH:
        raise Invalid(field="note", problem=f"最长 {MAX_NOTE_LENGTH} 个字")
    get_for_update(Account, account_id)  # two editors get different version numbers
    last, rows = find_newest(account_id), to_rows(buttons)
    if last is not None and last.buttons == rows:
        return last
    if last is not None and last.version != base_version:
        raise Stale(
            "菜单",
            text="{author}已保存了第 {version} 版，请先看看两版的不同再决定。",
            author=last.author or "系统",
            version=last.version,
            newest=last,
        )
    return _create_version(
        account_id, rows, MenuState.DRAFT, note=note, principal=principal, now=now
    )


def push(principal: Principal, menu_id: int) -> Menu:
    """Have WeChat show this version, even if it does already. Raises NotFound, MenuSuperseded."""
    menu = access_menu(principal, menu_id, Permission.MENUS_WRITE)
    get_for_update(Account, menu.account_id)
    last = find_newest(menu.account_id)
    if last is None or last.id != menu.id:
        raise MenuSuperseded(version=menu.version)
    _request_push(menu, before=menu.state)
    return menu


def restore(principal: Principal, menu_id: int, *, now: datetime) -> Menu:
    """Make an older version the newest again, and push it. Raises NotFound."""
    old = access_menu(principal, menu_id, Permission.MENUS_WRITE)
    get_for_update(Account, old.account_id)
    last = find_newest(old.account_id)
    if last is not None and last.buttons == old.buttons:
        return push(principal, last.id)
    return _create_version(
        old.account_id,
        old.buttons,
        MenuState.WAITING,
        note=f"恢复第 {old.version} 版",
        principal=principal,
        source=old,
        now=now,
    )


def copy_to(
    principal: Principal, menu_id: int, account_ids: Collection[int], *, now: datetime
) -> list[MenuCopy]:
    """Give other accounts this menu, each as a new version of its own, and push them.

    Accounts whose menu the principal may not write are left out. Raises NotFound for the source.
    """
    source = access_menu(principal, menu_id, Permission.MENUS_WRITE)
    allowed = principal.scope(Permission.MENUS_WRITE).sql_filter(account=Account.id)
    targets = session.scalars(
        select(Account)
        .where(Account.id.in_(account_ids), Account.id != source.account_id, allowed)
        .order_by(Account.id)
        # in the order of ids, so that two copies cannot deadlock
        .with_for_update()
    ).all()
    newest = {listed.account_id: listed.menu for listed in list_targets_for_staff(principal)}
    note = f"复制自{accounts.get(source.account_id).name}第 {source.version} 版"
    copies = []
    for account in targets:
        last = newest.get(account.id)
        if last is not None and last.buttons == source.buttons and last.state is MenuState.PUSHED:
            copies.append(MenuCopy(account.id, account.name, last, is_new=False))
            continue
        copy = _create_version(
            account.id,
            source.buttons,
            MenuState.WAITING,
            note=note,
            principal=principal,
            source=source,
            now=now,
        )
        copies.append(MenuCopy(account.id, account.name, copy, is_new=True))
    return copies


def list_copies_for_staff(principal: Principal, menu_id: int) -> list[MenuCopy]:
    """The latest copy of this version at each account, by account name."""
    access_menu(principal, menu_id, Permission.ACCOUNTS_READ)
    visible = principal.scope(Permission.ACCOUNTS_READ).sql_filter(account=Menu.account_id)
    rows = session.execute(
        select(Account.id, Account.name, Menu)
        .join(Menu, Menu.account_id == Account.id)
        .where(Menu.copied_from_id == menu_id, visible)
        .order_by(Account.name, Menu.version)
    )
    latest = {row[0]: MenuCopy(*row, is_new=True) for row in rows}
    return list(latest.values())


# ---- for imported files, and for an account that has just been connected ----


def save_from_file(account_id: int, buttons: tuple[Button, ...], *, now: datetime) -> Menu:
    """Make these buttons the newest version and push it; the same again changes nothing."""
    rows = to_rows(buttons)
    last = find_newest(account_id)
    if last is not None and last.buttons == rows:
        if last.state is MenuState.DRAFT:
            _request_push(last, before=last.state)
        return last
    return _create_version(account_id, rows, MenuState.WAITING, note="从文件导入", now=now)


def import_current(account_id: int, buttons: tuple[Button, ...], *, now: datetime) -> Menu | None:
    """Adopt the menu an account had before us; None when we have one or there is nothing."""
    if find_newest(account_id) is not None or not to_rows(buttons):
        return None
    menu = _create_version(
        account_id, to_rows(buttons), MenuState.PUSHED, note="接入时读自微信后台", now=now
    )
    menu.pushed_at = now
    return menu


def get(menu_id: int) -> Menu:
    """The version with this id. Raises NotFound."""
    menu = session.get(Menu, menu_id)
    if menu is None:
        raise NotFound(kind="menu", id=menu_id)
    return menu


def find_newest(account_id: int) -> Menu | None:
    """The newest version, drafts included; None when there is none."""
    return session.scalars(
        select(Menu).where(Menu.account_id == account_id).order_by(Menu.version.desc()).limit(1)
    ).one_or_none()


def find_target(account_id: int) -> Menu | None:
    """The version the account should show; None when there is none."""
    return session.scalars(
        select(Menu)
        .where(Menu.account_id == account_id, Menu.state != MenuState.DRAFT)
        .order_by(Menu.version.desc())
        .limit(1)
    ).one_or_none()


# ---- for the job that pushes ----


def mark_pushed(menu_id: int, *, now: datetime) -> None:
    """Note that WeChat accepted this version.

    If a newer version was pushed meanwhile, this call may have reached WeChat last and overwritten
    it; the newer one is pushed again.
    """
    values: dict[str, object] = {"state": MenuState.PUSHED, "problem": None, "pushed_at": now}
    if compare_and_set(Menu, menu_id, when={"state": MenuState.WAITING}, to=values) is not None:
        return
    target = find_target(get(menu_id).account_id)
    if target is not None and target.id != menu_id and target.state is MenuState.PUSHED:
        _request_push(target, before=MenuState.PUSHED)


def record_delay(menu_id: int, problem: str) -> None:
    """Note why WeChat has not accepted this version yet; the job tries again."""
    compare_and_set(Menu, menu_id, when={"state": MenuState.WAITING}, to={"problem": problem})


def mark_failed(menu_id: int, problem: str) -> bool:
    """Note that WeChat refused this version; False when a newer one has replaced it."""
    to: dict[str, object] = {"state": MenuState.FAILED, "problem": problem}
    return compare_and_set(Menu, menu_id, when={"state": MenuState.WAITING}, to=to) is not None


def _request_push(menu: Menu, *, before: MenuState) -> None:
    _supersede_older(menu)
    if menu.state is not MenuState.WAITING:
        compare_and_set(
            Menu, menu.id, when={"state": before}, to={"state": MenuState.WAITING, "problem": None}
        )
    audit.record(
        MenuAction.PUSH,
        owner=session.get_one(Account, menu.account_id),
        object_id=menu.account_id,
        before={"state": before.value},
        after={"version": menu.version, "state": MenuState.WAITING.value},
    )
    _enqueue(menu)


def _enqueue(menu: Menu) -> None:
    jobs.enqueue(MenuJob.PUSH, key=f"{MenuJob.PUSH}:{menu.id}", menu_id=menu.id)


def _create_version(
    account_id: int,
    rows: Rows,
    state: MenuState,
    *,
    note: str,
    principal: Principal | None = None,
    source: Menu | None = None,
    now: datetime,
) -> Menu:
    account = accounts.get(account_id)
    # safe without a gap or repeat because callers hold the account's lock; the unique constraint is
    # the last guard
    highest = session.scalar(select(func.max(Menu.version)).where(Menu.account_id == account_id))
    menu = Menu(
        account_id=account_id,
        version=(highest or 0) + 1,
        buttons=rows,
        state=state,
        note=note,
        author=principal.name if principal else "",
        author_id=principal.staff_id if principal else None,
        copied_from_id=source.id if source else None,
        created_at=now,
    )
    session.add(menu)
    session.flush()  # the job and the audit row need the id
    if state is MenuState.WAITING:
        _supersede_older(menu)
        _enqueue(menu)
    audit.record(
        MenuAction.SAVE,
        owner=account,
        object_id=account_id,
        label=account.name,
        after={"version": menu.version, "state": state.value, "note": note, "buttons": rows},
    )
    return menu


def _supersede_older(menu: Menu) -> None:
    """Older versions that still wait are no longer wanted."""
    session.execute(
        update(Menu)
        .where(
            Menu.account_id == menu.account_id,
            Menu.version < menu.version,
            Menu.state == MenuState.WAITING,
        )
        .values(state=MenuState.SUPERSEDED)
        .execution_options(synchronize_session="fetch")
    )
