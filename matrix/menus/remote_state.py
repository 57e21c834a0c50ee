"""Remote state: what WeChat shows at this moment, fetched by a job when somebody asks.

One row per account holds what all its followers see (the default menu and the tags); one row per
tested person holds what that person sees, and is deleted after a day.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from config import jobs
from config.database import Base, session, upsert
from config.errors import Invalid
from config.permissions import Permission, Principal
from matrix import accounts
from matrix.menus.buttons import shown_to_rows
from matrix.menus.jobs_and_alerts import MenuJob
from matrix.wechat.gateway import Button, Tag

# an empty string rather than NULL, so that the unique constraint covers this row too
EVERYBODY = ""
_MAX_PERSON_LENGTH = 64


class RemoteMenu(Base):
    """What followers see: all of them (`person` is empty), or one openid or WeChat id."""

    __tablename__ = "remote_menus"
    __table_args__ = (UniqueConstraint("account_id", "person"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    person: Mapped[str]
    requested_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    # whether the account's menu is switched on in WeChat's console
    is_open: Mapped[bool]
    buttons: Mapped[list[Any]]
    tags: Mapped[list[Any]]
    problem: Mapped[str | None]

    @property
    def is_waiting(self) -> bool:
        """Whether the answer to the last request is still to come."""
        return self.problem is None and (self.seen_at is None or self.seen_at < self.requested_at)

    def tag_name(self, tag_id: int) -> str | None:
        """The account's name for a follower tag; None when it has no such tag."""
        return next((str(tag["name"]) for tag in self.tags if tag["id"] == tag_id), None)


def request_refresh(principal: Principal, account_id: int, *, now: datetime) -> RemoteMenu:
    """Fetch the default menu and the tags. Raises NotFound."""
    accounts.access_account(principal, account_id, Permission.MENUS_WRITE)
    # one job per account, however many people press the button
    jobs.enqueue(MenuJob.REFRESH, key=f"{MenuJob.REFRESH}:{account_id}", account_id=account_id)
    return _mark_requested(account_id, EVERYBODY, now)


def request_preview(
    principal: Principal, account_id: int, person: str, *, now: datetime
) -> RemoteMenu:
    """Fetch what one person sees. Raises NotFound, Invalid."""
    accounts.access_account(principal, account_id, Permission.MENUS_WRITE)
    person = person.strip()
    if (
        not 1 <= len(person) <= _MAX_PERSON_LENGTH
        # WeChat ids and openids are ASCII; anything else was a name or a slip
        or not person.isascii()
        or not person.isprintable()
    ):
        raise Invalid(field="person", problem="请填写微信号或 openid，由字母、数字和 - _ 组成")
    remote_menu = _mark_requested(account_id, person, now)
    jobs.enqueue(
        MenuJob.PREVIEW, key=f"{MenuJob.PREVIEW}:{remote_menu.id}", remote_menu_id=remote_menu.id
    )
    return remote_menu


def find_for_staff(
    principal: Principal, account_id: int, person: str = EVERYBODY
) -> RemoteMenu | None:
    """What was fetched last; None when nobody ever asked. Raises NotFound."""
    accounts.access_account(principal, account_id, Permission.ACCOUNTS_READ)
    return _find(account_id, person)


def find_default(account_id: int) -> RemoteMenu | None:
    """The default menu as it was fetched last; None when nobody ever asked."""
    return _find(account_id, EVERYBODY)


def find(remote_menu_id: int) -> RemoteMenu | None:
    """The row with this id; None when it was deleted."""
    return session.get(RemoteMenu, remote_menu_id)


def record(
    account_id: int,
    buttons: tuple[Button, ...],
    *,
    person: str = EVERYBODY,
    is_open: bool = True,
    tags: Sequence[Tag] = (),
    now: datetime,
) -> None:
    """Store what WeChat showed."""
    _update(
        account_id,
        person,
        seen_at=now,
        is_open=is_open,
        buttons=shown_to_rows(buttons),
        tags=[{"id": tag.id, "name": tag.name, "count": tag.count} for tag in tags],
        problem=None,
    )


def record_failure(account_id: int, problem: str, *, person: str = EVERYBODY) -> None:
    """Store why WeChat showed nothing; what was fetched before stays."""
    # `seen_at` stays: the page shows the old state with its age, and the problem beside it
    _update(account_id, person, problem=problem)


def delete_previews_older_than(*, before: datetime) -> None:
    """Delete what single persons saw before an instant."""
    session.execute(
        delete(RemoteMenu).where(RemoteMenu.person != EVERYBODY, RemoteMenu.requested_at < before),
        execution_options={"synchronize_session": False},
    )


def _find(account_id: int, person: str) -> RemoteMenu | None:
    return session.scalars(
        select(RemoteMenu).where(RemoteMenu.account_id == account_id, RemoteMenu.person == person),
        # the upserts below go past the session, whose objects would stay as they were
        execution_options={"populate_existing": True},
    ).one_or_none()


def _mark_requested(account_id: int, person: str, now: datetime) -> RemoteMenu:
    changes = {"requested_at": now, "problem": None}
    defaults = {"is_open": False, "buttons": [], "tags": []}
    session.execute(
        upsert(RemoteMenu)
        .values(account_id=account_id, person=person, **defaults, **changes)
        .on_conflict_do_update(
            index_elements=[RemoteMenu.account_id, RemoteMenu.person], set_=changes
        )
    )
    remote_menu = _find(account_id, person)
    assert remote_menu is not None  # written just now
    return remote_menu


def _update(account_id: int, person: str, **values: Any) -> None:
    session.execute(
        update(RemoteMenu)
        .where(RemoteMenu.account_id == account_id, RemoteMenu.person == person)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
