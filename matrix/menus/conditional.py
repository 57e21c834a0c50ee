"""Conditional menus: other buttons for followers with a tag, or on one kind of phone.

    create --> WAITING --job--> PUBLISHED --delete--> DELETING --job--> DELETED
                     +-------> FAILED ------delete------^

WeChat shows a follower the newest conditional menu whose conditions fit, or else the default menu.
It cannot edit one, so a change is a new menu and a deletion (wechat-platform.md 9.1). `reconcile`
adopts menus that were made elsewhere and marks as deleted what WeChat no longer has.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import InstanceOf, StringConstraints
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, jobs
from config.database import Base, compare_and_set, session
from config.errors import DomainError, Invalid, NotFound
from config.permissions import Permission, Principal
from config.validation import ErrorMessage, Spec
from matrix import accounts
from matrix.accounts import Account
from matrix.menus import remote_state
from matrix.menus.actions import MenuAction
from matrix.menus.buttons import shown_to_rows, to_rows
from matrix.menus.jobs_and_alerts import MenuJob
from matrix.menus.versions import MenuState, find_target
from matrix.wechat import gateway
from matrix.wechat.gateway import Audience, Button

# WeChat's numbers for client_platform_type
PLATFORMS = {1: "苹果手机", 2: "安卓手机", 3: "其他设备"}
MAX_NAME_LENGTH = 40


class ConditionalMenuState(StrEnum):
    """Where a conditional menu stands."""

    WAITING = "waiting"
    PUBLISHED = "published"
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"


class NoMenuYet(DomainError):
    """WeChat accepts conditional menus only when the account has a default menu."""

    text = "请先推送面向所有人的菜单，再添加个性化菜单。"


class ConditionalMenu(Base):
    """One menu for some followers; `wechat_id` is its id at WeChat, None until it exists there."""

    __tablename__ = "conditional_menus"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    name: Mapped[str]
    tag_id: Mapped[int | None]
    # a copy: the tag may be renamed or deleted at WeChat
    tag_name: Mapped[str]
    platform: Mapped[int | None]
    buttons: Mapped[list[Any]]
    state: Mapped[ConditionalMenuState]
    problem: Mapped[str | None]
    wechat_id: Mapped[str | None]
    author: Mapped[str]
    created_at: Mapped[datetime]

    @property
    def audience(self) -> Audience:
        """Whom it is for, as the gateway takes it."""
        return Audience(tag_id=self.tag_id, platform=self.platform)

    @property
    def audience_label(self) -> str:
        """Whom it is for, in Chinese."""
        tag = self.tag_name or (f"标签 {self.tag_id}" if self.tag_id is not None else "")
        return " · ".join(filter(None, (tag, PLATFORMS.get(self.platform or 0, ""))))


class ConditionalMenuSpec(Spec):
    """A menu somebody wants, and for whom."""

    name: Annotated[
        str,
        StringConstraints(
            strict=True, strip_whitespace=True, min_length=1, max_length=MAX_NAME_LENGTH
        ),
        ErrorMessage(f"不能为空，最长 {MAX_NAME_LENGTH} 个字"),
    ]
    # these two are values of the gateway, checked when `buttons.parse` and the form made them
    audience: InstanceOf[Audience]
    buttons: tuple[InstanceOf[Button], ...]


def access_conditional(
    principal: Principal, menu_id: int, permission: Permission
) -> ConditionalMenu:
    """A conditional menu of an account where the principal has the permission. Raises NotFound."""
    menu = get(menu_id)
    principal.require(permission, account_id=menu.account_id)
    return menu


def list_for_staff(principal: Principal, account_id: int) -> list[ConditionalMenu]:
    """The account's conditional menus that are not deleted, in the order WeChat tries them."""
    accounts.access_account(principal, account_id, Permission.ACCOUNTS_READ)
    return _list_present(account_id)


def create(
    principal: Principal, account_id: int, spec: ConditionalMenuSpec, *, now: datetime
) -> ConditionalMenu:
    """Have WeChat show these buttons to some followers. Raises NotFound, Invalid, NoMenuYet."""
    account = accounts.access_account(principal, account_id, Permission.MENUS_WRITE)
    target = find_target(account_id)
    # WeChat answers 65303 to a conditional menu without a default one (wechat-platform.md 9.1)
    if target is None or target.state is MenuState.FAILED:
        raise NoMenuYet(account=account_id)
    menu = ConditionalMenu(
        account_id=account_id,
        name=spec.name,
        tag_id=spec.audience.tag_id,
        tag_name=_tag_name(account_id, spec.audience),
        platform=spec.audience.platform,
        buttons=to_rows(spec.buttons),
        state=ConditionalMenuState.WAITING,
        author=principal.name,
        created_at=now,
    )
    session.add(menu)
    session.flush()  # the job and the audit row need the id
    _audit(MenuAction.CREATE_CONDITIONAL, menu, account)
    jobs.enqueue(
        MenuJob.CREATE_CONDITIONAL, key=f"{MenuJob.CREATE_CONDITIONAL}:{menu.id}", menu_id=menu.id
    )
    return menu


def delete(principal: Principal, menu_id: int) -> None:
    """Delete a conditional menu; a second call only repeats the job. Raises NotFound."""
    menu = access_conditional(principal, menu_id, Permission.MENUS_WRITE)
    account = accounts.access_account(principal, menu.account_id, Permission.MENUS_WRITE)
    deleting = compare_and_set(
        ConditionalMenu,
        menu_id,
        when={
            "state": (
                ConditionalMenuState.WAITING,
                ConditionalMenuState.PUBLISHED,
                ConditionalMenuState.FAILED,
            )
        },
        to={"state": ConditionalMenuState.DELETING, "problem": None},
    )
    # again for one that is already being deleted: its job may have died
    if deleting is not None or menu.state is ConditionalMenuState.DELETING:
        _audit(MenuAction.DELETE_CONDITIONAL, menu, account)
        jobs.enqueue(
            MenuJob.DELETE_CONDITIONAL,
            key=f"{MenuJob.DELETE_CONDITIONAL}:{menu_id}",
            menu_id=menu_id,
        )


def _tag_name(account_id: int, audience: Audience) -> str:
    if audience.tag_id is None and audience.platform is None:
        raise Invalid(field="tag", problem="请至少选择一个条件：标签或手机系统")
    if audience.platform is not None and audience.platform not in PLATFORMS:
        raise Invalid(field="platform", problem="没有这个选项")
    if audience.tag_id is None:
        return ""
    remote_menu = remote_state.find_default(account_id)
    name = remote_menu.tag_name(audience.tag_id) if remote_menu else None
    if name is None:
        raise Invalid(field="tag", problem="账号没有这个标签，请先读取一次微信当前状态")
    return name


# ---- for the jobs ----


def get(menu_id: int) -> ConditionalMenu:
    """The conditional menu with this id. Raises NotFound."""
    menu = session.get(ConditionalMenu, menu_id)
    if menu is None:
        raise NotFound(kind="conditional_menu", id=menu_id)
    return menu


def find_existing(menu_id: int, found: Iterable[gateway.ConditionalMenu]) -> str | None:
    """WeChat's id of a menu just like this one that none of our rows has; None without one.

    A job that was killed after the call, but before it could note the id, finds here what it made.
    """
    menu = get(menu_id)
    known_ids = {each.wechat_id for each in _list_present(menu.account_id)}
    for each in found:
        is_same = each.audience == menu.audience and to_rows(each.buttons) == menu.buttons
        # two equal menus may exist on purpose: one that another row knows is that row's
        if is_same and each.menu_id not in known_ids:
            return each.menu_id
    return None


def mark_published(menu_id: int, wechat_id: str) -> None:
    """Store WeChat's id; a menu that was deleted meanwhile is sent to deletion again."""
    published: dict[str, object] = {
        "state": ConditionalMenuState.PUBLISHED,
        "wechat_id": wechat_id,
        "problem": None,
    }
    if (
        compare_and_set(
            ConditionalMenu, menu_id, when={"state": ConditionalMenuState.WAITING}, to=published
        )
        is None
    ):
        deleted_meanwhile = compare_and_set(
            ConditionalMenu,
            menu_id,
            when={"state": (ConditionalMenuState.DELETING, ConditionalMenuState.DELETED)},
            to={"state": ConditionalMenuState.DELETING, "wechat_id": wechat_id},
        )
        if deleted_meanwhile is not None:
            jobs.enqueue(
                MenuJob.DELETE_CONDITIONAL,
                key=f"{MenuJob.DELETE_CONDITIONAL}:{menu_id}:{wechat_id}",
                menu_id=menu_id,
            )


def mark_deleted(menu_id: int) -> None:
    """Note that WeChat no longer has it."""
    compare_and_set(
        ConditionalMenu,
        menu_id,
        when={"state": ConditionalMenuState.DELETING},
        to={"state": ConditionalMenuState.DELETED, "problem": None},
    )


def mark_failed(menu_id: int, problem: str) -> None:
    """Note that WeChat refused it."""
    to: dict[str, object] = {"state": ConditionalMenuState.FAILED, "problem": problem}
    compare_and_set(ConditionalMenu, menu_id, when={"state": ConditionalMenuState.WAITING}, to=to)


def record_delay(menu_id: int, problem: str) -> None:
    """Note why it has not worked yet; the job tries again."""
    when: dict[str, object] = {
        "state": (ConditionalMenuState.WAITING, ConditionalMenuState.DELETING)
    }
    compare_and_set(ConditionalMenu, menu_id, when=when, to={"problem": problem})


def reconcile(account_id: int, found: Iterable[gateway.ConditionalMenu], *, now: datetime) -> None:
    """Bring our list in line with what WeChat has.

    Menus that wait for a job of their own are left alone, and nothing is adopted while one waits:
    what that job is just creating would look like somebody else's.
    """
    remote_menus = {each.menu_id: each for each in found}
    present = _list_present(account_id)
    for menu in present:
        if menu.state is ConditionalMenuState.PUBLISHED and menu.wechat_id not in remote_menus:
            menu.state = ConditionalMenuState.DELETED
    is_busy = any(
        menu.state in (ConditionalMenuState.WAITING, ConditionalMenuState.DELETING)
        for menu in present
    )
    known = {menu.wechat_id for menu in present}
    if is_busy:
        return
    for each in remote_menus.values():
        if each.menu_id not in known:
            session.add(_imported(account_id, each, now))


def _imported(account_id: int, found: gateway.ConditionalMenu, now: datetime) -> ConditionalMenu:
    return ConditionalMenu(
        account_id=account_id,
        name="在别处创建的个性化菜单",
        tag_id=found.audience.tag_id,
        tag_name="",
        platform=found.audience.platform,
        buttons=shown_to_rows(found.buttons),
        state=ConditionalMenuState.PUBLISHED,
        wechat_id=found.menu_id,
        author="",
        created_at=now,
    )


def _list_present(account_id: int) -> list[ConditionalMenu]:
    return list(
        session.scalars(
            select(ConditionalMenu)
            .where(
                ConditionalMenu.account_id == account_id,
                ConditionalMenu.state != ConditionalMenuState.DELETED,
            )
            # WeChat tries the newest first, and so ids in falling order show its order
            .order_by(ConditionalMenu.id.desc())
        )
    )


def _audit(action: MenuAction, menu: ConditionalMenu, account: Account) -> None:
    audit.record(
        action,
        owner=account,
        object_id=menu.account_id,
        label=menu.name,
        after={"whom": menu.audience_label, "buttons": menu.buttons},
    )
