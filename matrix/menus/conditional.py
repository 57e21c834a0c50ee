"""Conditional menus: other buttons for followers with a tag, or on one kind of phone.

    add ── waiting ──job──> shown ── remove ── leaving ──job──> gone
              └─────────> failed ── remove ──────────────────> gone

Of those that fit a follower WeChat shows the newest; nothing fits: the menu for everybody. WeChat
cannot edit one, so a change is a new one and a removal. `reconcile` takes over what WeChat has
and we did not make, and lets go what it no longer has.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, jobs
from config.database import Base, change, session
from config.errors import DomainError, Invalid, NotFound
from config.tenancy import Member, Right
from matrix import accounts
from matrix.menus import sights
from matrix.menus.buttons import dump, dump_shown
from matrix.menus.versions import State as MenuState
from matrix.menus.versions import wanted
from matrix.wechat import gateway
from matrix.wechat.gateway import Audience, Button

ADD = "menus.add_conditional"
DELETE = "menus.delete_conditional"

PLATFORMS = {1: "苹果手机", 2: "安卓手机", 3: "其他设备"}
LONGEST_NAME = 40


class State(StrEnum):
    """Where a conditional menu stands."""

    WAITING = "waiting"
    SHOWN = "shown"
    FAILED = "failed"
    LEAVING = "leaving"
    GONE = "gone"


class NoMenuYet(DomainError):
    """WeChat takes conditional menus only beside a menu for everybody."""

    text = "请先推送面向所有人的菜单，再添加个性化菜单。"


class ConditionalMenu(Base):
    """One menu for some followers. `wechat_id` is WeChat's name of it."""

    __tablename__ = "conditional_menus"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    name: Mapped[str]
    tag_id: Mapped[int | None]
    tag_name: Mapped[str]
    platform: Mapped[int | None]
    buttons: Mapped[list[Any]]
    state: Mapped[State]
    problem: Mapped[str | None]
    wechat_id: Mapped[str | None]
    author: Mapped[str]
    created_at: Mapped[datetime]

    @property
    def audience(self) -> Audience:
        """Whom it is for, in the gateway's words."""
        return Audience(tag_id=self.tag_id, platform=self.platform)

    @property
    def whom(self) -> str:
        """Whom it is for, in words."""
        tag = self.tag_name or (f"标签 {self.tag_id}" if self.tag_id is not None else "")
        return " · ".join(filter(None, (tag, PLATFORMS.get(self.platform or 0, ""))))


@dataclass(frozen=True)
class Wish:
    """What somebody wants shown to whom."""

    name: str
    audience: Audience
    buttons: tuple[Button, ...]


def access_conditional(member: Member, menu_id: int, right: Right) -> ConditionalMenu:
    """A conditional menu of an account where the member has the right. Raises NotFound."""
    menu = session.get(ConditionalMenu, menu_id)
    if menu is None:
        raise NotFound(kind="conditional_menu", id=menu_id)
    member.require(right, account_id=menu.account_id)
    return menu


def conditionals_for_staff(member: Member, account_id: int) -> list[ConditionalMenu]:
    """The account's conditional menus that are not gone, the one WeChat asks first on top."""
    accounts.access_account(member, account_id, Right.ACCOUNTS_READ)
    return _present(account_id)


def add(member: Member, account_id: int, wish: Wish, *, now: datetime) -> ConditionalMenu:
    """Have WeChat show these buttons to some. Raises NotFound, Invalid, NoMenuYet."""
    account = accounts.access_account(member, account_id, Right.MENUS_WRITE)
    if not 1 <= len(wish.name.strip()) <= LONGEST_NAME:
        raise Invalid(field="name", problem=f"不能为空，最长 {LONGEST_NAME} 个字")
    standing = wanted(account_id)
    if standing is None or standing.state is MenuState.FAILED:
        raise NoMenuYet(account=account_id)
    menu = ConditionalMenu(
        account_id=account_id,
        name=wish.name.strip(),
        tag_id=wish.audience.tag_id,
        tag_name=_tag_name(account_id, wish.audience),
        platform=wish.audience.platform,
        buttons=dump(wish.buttons),
        state=State.WAITING,
        author=member.name,
        created_at=now,
    )
    session.add(menu)
    session.flush()  # the job and the audit row need the id
    _tell("menu.add_conditional", menu, account.department_id)
    jobs.enqueue(ADD, key=f"{ADD}:{menu.id}", menu_id=menu.id)
    return menu


def remove(member: Member, menu_id: int) -> None:
    """Take a conditional menu away; a second time does nothing. Raises NotFound."""
    menu = access_conditional(member, menu_id, Right.MENUS_WRITE)
    account = accounts.access_account(member, menu.account_id, Right.MENUS_WRITE)
    leaving = change(
        ConditionalMenu,
        menu_id,
        when={"state": (State.WAITING, State.SHOWN, State.FAILED)},
        to={"state": State.LEAVING, "problem": None},
    )
    if leaving is not None or menu.state is State.LEAVING:
        _tell("menu.delete_conditional", menu, account.department_id)
        jobs.enqueue(DELETE, key=f"{DELETE}:{menu_id}", menu_id=menu_id)


def _tag_name(account_id: int, audience: Audience) -> str:
    if audience.tag_id is None and audience.platform is None:
        raise Invalid(field="tag", problem="请至少选择一个条件：标签或手机系统")
    if audience.platform is not None and audience.platform not in PLATFORMS:
        raise Invalid(field="platform", problem="没有这个选项")
    if audience.tag_id is None:
        return ""
    sight = sights.of_everybody(account_id)
    name = sight.tag_name(audience.tag_id) if sight else None
    if name is None:
        raise Invalid(field="tag", problem="账号没有这个标签，请先读取一次微信当前状态")
    return name


# ---- for the jobs ----


def get(menu_id: int) -> ConditionalMenu:
    """The conditional menu of this id."""
    return session.get_one(ConditionalMenu, menu_id)


def twin(menu_id: int, found: Iterable[gateway.ConditionalMenu]) -> str | None:
    """WeChat's name of a menu just like this one that is nobody else's yet.

    A job that was killed between the call and its note finds here what it made.
    """
    menu = get(menu_id)
    taken = {each.wechat_id for each in _present(menu.account_id)}
    for each in found:
        is_same = each.audience == menu.audience and dump(each.buttons) == menu.buttons
        if is_same and each.menu_id not in taken:
            return each.menu_id
    return None


def added(menu_id: int, wechat_id: str) -> None:
    """Note WeChat's name of it; one that was taken away meanwhile has to leave again."""
    shown: dict[str, object] = {"state": State.SHOWN, "wechat_id": wechat_id, "problem": None}
    if change(ConditionalMenu, menu_id, when={"state": State.WAITING}, to=shown) is None:
        unwanted = change(
            ConditionalMenu,
            menu_id,
            when={"state": (State.LEAVING, State.GONE)},
            to={"state": State.LEAVING, "wechat_id": wechat_id},
        )
        if unwanted is not None:
            jobs.enqueue(DELETE, key=f"{DELETE}:{menu_id}:{wechat_id}", menu_id=menu_id)


def gone(menu_id: int) -> None:
    """Note that WeChat shows it to nobody."""
    change(
        ConditionalMenu,
        menu_id,
        when={"state": State.LEAVING},
        to={"state": State.GONE, "problem": None},
    )


def refused(menu_id: int, problem: str) -> None:
    """Note that WeChat does not take it."""
    to: dict[str, object] = {"state": State.FAILED, "problem": problem}
    change(ConditionalMenu, menu_id, when={"state": State.WAITING}, to=to)


def delayed(menu_id: int, problem: str) -> None:
    """Note why it did not work yet; the job tries again."""
    when: dict[str, object] = {"state": (State.WAITING, State.LEAVING)}
    change(ConditionalMenu, menu_id, when=when, to={"problem": problem})


def reconcile(account_id: int, found: Iterable[gateway.ConditionalMenu], *, now: datetime) -> None:
    """Make our list say what WeChat has. What waits for a job of its own is left alone."""
    there = {each.menu_id: each for each in found}
    present = _present(account_id)
    for menu in present:
        if menu.state is State.SHOWN and menu.wechat_id not in there:
            menu.state = State.GONE
    under_way = any(menu.state in (State.WAITING, State.LEAVING) for menu in present)
    known = {menu.wechat_id for menu in present}
    if under_way:
        return
    for each in there.values():
        if each.menu_id not in known:
            session.add(_adopted(account_id, each, now))


def _adopted(account_id: int, found: gateway.ConditionalMenu, now: datetime) -> ConditionalMenu:
    return ConditionalMenu(
        account_id=account_id,
        name="在别处创建的个性化菜单",
        tag_id=found.audience.tag_id,
        tag_name="",
        platform=found.audience.platform,
        buttons=dump_shown(found.buttons),
        state=State.SHOWN,
        wechat_id=found.menu_id,
        author="",
        created_at=now,
    )


def _present(account_id: int) -> list[ConditionalMenu]:
    return list(
        session.scalars(
            select(ConditionalMenu)
            .where(ConditionalMenu.account_id == account_id, ConditionalMenu.state != State.GONE)
            .order_by(ConditionalMenu.id.desc())
        )
    )


def _tell(action: str, menu: ConditionalMenu, department_id: int) -> None:
    audit.record(
        action,
        kind="account",
        object_id=menu.account_id,
        label=menu.name,
        department_id=department_id,
        after={"whom": menu.whom, "buttons": menu.buttons},
    )
