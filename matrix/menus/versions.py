"""Versions: the menus of an account, the newest of which it should show.

    Account 1 ──< n Menu

    draft ──push──> waiting ──job──> pushed
                      │  └────────> failed ──push──> waiting
                      └ a newer one was asked for ──> overtaken

A version never changes; an edit, a copy from another account and a roll-back each make a new
one. `wanted` is what the account should show: the newest that is not a draft.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, func, select, update
from sqlalchemy.orm import Mapped, aliased, mapped_column

from config import audit, jobs
from config.database import Base, change, locked, session
from config.errors import DomainError, Invalid, NotFound
from config.tenancy import Area, Member, Right
from matrix import accounts
from matrix.accounts import Account
from matrix.menus.buttons import Rows, dump
from matrix.wechat.gateway import Button

PUSH = "menus.push"

LONGEST_NOTE = 100


class State(StrEnum):
    """What became of a version."""

    DRAFT = "draft"
    WAITING = "waiting"
    PUSHED = "pushed"
    FAILED = "failed"
    OVERTAKEN = "overtaken"


class MenuChanged(DomainError):
    """Somebody wrote another version since this one was opened."""

    text = "{author}已保存了第 {version} 版，请先看看两版的不同再决定。"


class MenuOvertaken(DomainError):
    """Only the newest version can be pushed; an older one is restored first."""

    text = "第 {version} 版不是最新版本，请先恢复它。"


class Menu(Base):
    """One version of one account's menu. `author` is a copy of the name, empty for the hub."""

    __tablename__ = "menus"
    __table_args__ = (UniqueConstraint("account_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    version: Mapped[int]
    buttons: Mapped[list[Any]]
    state: Mapped[State]
    problem: Mapped[str | None]
    note: Mapped[str]
    author: Mapped[str]
    author_id: Mapped[int | None]
    copied_from_id: Mapped[int | None] = mapped_column(ForeignKey("menus.id"), index=True)
    created_at: Mapped[datetime]
    pushed_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Standing:
    """An account and its newest version, if it has one."""

    account_id: int
    account: str
    menu: Menu | None


@dataclass(frozen=True)
class Copy:
    """What a copy did at one account; `is_new` is false where it shows the same already."""

    account_id: int
    account: str
    menu: Menu
    is_new: bool


# ---- for staff ----


def access_menu(member: Member, menu_id: int, right: Right) -> Menu:
    """A version of an account where the member has the right. Raises NotFound."""
    menu = session.get(Menu, menu_id)
    if menu is None:
        raise NotFound(kind="menu", id=menu_id)
    member.require(right, account_id=menu.account_id)
    return menu


def menus_for_staff(
    member: Member, account_id: int, *, before: int | None = None, limit: int = 30
) -> list[Menu]:
    """The versions of an account below version `before`, newest first. Raises NotFound."""
    accounts.access_account(member, account_id, Right.ACCOUNTS_READ)
    statement = select(Menu).where(Menu.account_id == account_id)
    if before is not None:
        statement = statement.where(Menu.version < before)
    return list(session.scalars(statement.order_by(Menu.version.desc()).limit(limit)))


def standings_for_staff(member: Member) -> list[Standing]:
    """Every account the member may see, by name, with its newest version."""
    return _standings(member.area(Right.ACCOUNTS_READ))


def targets_for_staff(member: Member) -> list[Standing]:
    """Every account whose menu the member may write, by name, with its newest version."""
    return _standings(member.area(Right.MENUS_WRITE))


def _standings(area: Area) -> list[Standing]:
    later = aliased(Menu)
    newer = select(later.id).where(
        later.account_id == Menu.account_id, later.version > Menu.version
    )
    rows = session.execute(
        select(Account.id, Account.name, Menu)
        .outerjoin(Menu, (Menu.account_id == Account.id) & ~newer.exists())
        .where(area.covers(account=Account.id))
        .order_by(Account.name)
    )
    return [Standing(*row) for row in rows]


def save(
    member: Member,
    account_id: int,
    buttons: tuple[Button, ...],
    *,
    seen: int,
    note: str = "",
    now: datetime,
) -> Menu:
    """Keep these buttons as a draft; the same as in the newest version changes nothing.

    `seen` is the version the member started from, 0 for none. Raises NotFound, Invalid,
    MenuChanged.
    """
    accounts.access_account(member, account_id, Right.MENUS_WRITE)
    if len(note) > LONGEST_NOTE:
        raise Invalid(field="note", problem=f"最长 {LONGEST_NOTE} 个字")
    locked(Account, account_id)  # one version after the other
    last, rows = newest(account_id), dump(buttons)
    if last is not None and last.buttons == rows:
        return last
    if last is not None and last.version != seen:
        raise MenuChanged(author=last.author or "系统", version=last.version)
    return _append(account_id, rows, State.DRAFT, note=note, member=member, now=now)


def push(member: Member, menu_id: int) -> Menu:
    """Have WeChat show this version, also once more. Raises NotFound, MenuOvertaken."""
    menu = access_menu(member, menu_id, Right.MENUS_WRITE)
    locked(Account, menu.account_id)
    last = newest(menu.account_id)
    if last is None or last.id != menu.id:
        raise MenuOvertaken(version=menu.version)
    _ask(menu, before=menu.state)
    return menu


def restore(member: Member, menu_id: int, *, now: datetime) -> Menu:
    """Make an older version the newest again and push it. Raises NotFound."""
    old = access_menu(member, menu_id, Right.MENUS_WRITE)
    locked(Account, old.account_id)
    last = newest(old.account_id)
    if last is not None and last.buttons == old.buttons:
        return push(member, last.id)
    note = f"恢复第 {old.version} 版"
    return _append(
        old.account_id, old.buttons, State.WAITING, note=note, member=member, source=old, now=now
    )


def spread(
    member: Member, menu_id: int, account_ids: Collection[int], *, now: datetime
) -> list[Copy]:
    """Give other accounts this menu, each as a version of its own, and push them.

    Accounts that the member may not write to are left out as if they were not there. Raises
    NotFound.
    """
    source = access_menu(member, menu_id, Right.MENUS_WRITE)
    allowed = member.area(Right.MENUS_WRITE).covers(account=Account.id)
    targets = session.scalars(
        select(Account)
        .where(Account.id.in_(account_ids), Account.id != source.account_id, allowed)
        .order_by(Account.id)
        .with_for_update()
    ).all()
    lasts = {standing.account_id: standing.menu for standing in targets_for_staff(member)}
    note = f"复制自{accounts.get(source.account_id).name}第 {source.version} 版"
    copies = []
    for account in targets:
        last = lasts.get(account.id)
        if last is not None and last.buttons == source.buttons and last.state is State.PUSHED:
            copies.append(Copy(account.id, account.name, last, is_new=False))
            continue
        made = _append(
            account.id,
            source.buttons,
            State.WAITING,
            note=note,
            member=member,
            source=source,
            now=now,
        )
        copies.append(Copy(account.id, account.name, made, is_new=True))
    return copies


def copies_for_staff(member: Member, menu_id: int) -> list[Copy]:
    """What became of this version's copies, by the account's name; the latest of each account."""
    access_menu(member, menu_id, Right.ACCOUNTS_READ)
    visible = member.area(Right.ACCOUNTS_READ).covers(account=Menu.account_id)
    rows = session.execute(
        select(Account.id, Account.name, Menu)
        .join(Menu, Menu.account_id == Account.id)
        .where(Menu.copied_from_id == menu_id, visible)
        .order_by(Account.name, Menu.version)
    )
    latest = {row[0]: Copy(*row, is_new=True) for row in rows}
    return list(latest.values())


# ---- for files, and for the account's first day ----


def write(account_id: int, buttons: tuple[Button, ...], *, now: datetime) -> Menu:
    """Make these buttons the account's newest menu and push it; the same again changes nothing."""
    rows = dump(buttons)
    last = newest(account_id)
    if last is not None and last.buttons == rows:
        if last.state is State.DRAFT:
            _ask(last, before=last.state)
        return last
    return _append(account_id, rows, State.WAITING, note="从文件导入", now=now)


def adopt(account_id: int, buttons: tuple[Button, ...], *, now: datetime) -> Menu | None:
    """Take over what the account shows already; None when there is nothing to take over."""
    if newest(account_id) is not None or not dump(buttons):
        return None
    menu = _append(account_id, dump(buttons), State.PUSHED, note="接入时读自微信后台", now=now)
    menu.pushed_at = now
    return menu


def get(menu_id: int) -> Menu:
    """The menu of this id."""
    return session.get_one(Menu, menu_id)


def newest(account_id: int) -> Menu | None:
    """The newest version, drafts too."""
    return session.scalars(
        select(Menu).where(Menu.account_id == account_id).order_by(Menu.version.desc()).limit(1)
    ).one_or_none()


def wanted(account_id: int) -> Menu | None:
    """The version the account should show."""
    return session.scalars(
        select(Menu)
        .where(Menu.account_id == account_id, Menu.state != State.DRAFT)
        .order_by(Menu.version.desc())
        .limit(1)
    ).one_or_none()


# ---- for the job that pushes ----


def pushed(menu_id: int, *, now: datetime) -> None:
    """Note that WeChat took this version.

    When a newer one was asked for in the meantime, the older may have arrived last: the newer
    one goes again.
    """
    taken: dict[str, object] = {"state": State.PUSHED, "problem": None, "pushed_at": now}
    if change(Menu, menu_id, when={"state": State.WAITING}, to=taken) is not None:
        return
    right = wanted(get(menu_id).account_id)
    if right is not None and right.id != menu_id and right.state is State.PUSHED:
        _ask(right, before=State.PUSHED)


def delayed(menu_id: int, problem: str) -> None:
    """Note why WeChat did not take this version yet; the job tries again."""
    change(Menu, menu_id, when={"state": State.WAITING}, to={"problem": problem})


def failed(menu_id: int, problem: str) -> bool:
    """Note that WeChat will not take this version; False when it no longer matters."""
    to: dict[str, object] = {"state": State.FAILED, "problem": problem}
    return change(Menu, menu_id, when={"state": State.WAITING}, to=to) is not None


# ---- inside ----


def _ask(menu: Menu, *, before: State) -> None:
    _overtake(menu)
    if menu.state is not State.WAITING:
        change(Menu, menu.id, when={"state": before}, to={"state": State.WAITING, "problem": None})
    audit.record(
        "menu.push",
        kind="account",
        object_id=menu.account_id,
        before={"state": before.value},
        after={"version": menu.version, "state": State.WAITING.value},
    )
    _enqueue(menu)


def _enqueue(menu: Menu) -> None:
    jobs.enqueue(PUSH, key=f"{PUSH}:{menu.id}", menu_id=menu.id)


def _append(
    account_id: int,
    rows: Rows,
    state: State,
    *,
    note: str,
    member: Member | None = None,
    source: Menu | None = None,
    now: datetime,
) -> Menu:
    account = accounts.get(account_id)
    highest = session.scalar(select(func.max(Menu.version)).where(Menu.account_id == account_id))
    menu = Menu(
        account_id=account_id,
        version=(highest or 0) + 1,
        buttons=rows,
        state=state,
        note=note,
        author=member.name if member else "",
        author_id=member.staff_id if member else None,
        copied_from_id=source.id if source else None,
        created_at=now,
    )
    session.add(menu)
    session.flush()  # the job and the audit row need the id
    if state is State.WAITING:
        _overtake(menu)
        _enqueue(menu)
    audit.record(
        "menu.write",
        kind="account",
        object_id=account_id,
        label=account.name,
        department_id=account.department_id,
        after={"version": menu.version, "state": state.value, "note": note, "buttons": rows},
    )
    return menu


def _overtake(menu: Menu) -> None:
    """What waits below this version is not asked for any more."""
    session.execute(
        update(Menu)
        .where(
            Menu.account_id == menu.account_id,
            Menu.version < menu.version,
            Menu.state == State.WAITING,
        )
        .values(state=State.OVERTAKEN)
        .execution_options(synchronize_session="fetch")
    )
