"""Sights: what WeChat shows at this moment, fetched by a job when somebody asks.

    look ── job ──> seen (menu, conditional menus, tags)   or   unseen, with the reason

One row for each account, for all its followers; and one for each person whose menu was tried,
which is forgotten after a day.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from config import jobs
from config.database import Base, session, upsert
from config.errors import Invalid
from config.tenancy import Member, Right
from matrix import accounts
from matrix.menus.buttons import dump_shown
from matrix.wechat.gateway import Button, Tag

LOOK = "menus.look"
TRY = "menus.try"

EVERYBODY = ""
_LONGEST_PERSON = 64


class Sight(Base):
    """What followers see: all of them, or one person (an openid or a WeChat id)."""

    __tablename__ = "menu_sights"
    __table_args__ = (UniqueConstraint("account_id", "person"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    person: Mapped[str]
    asked_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    is_open: Mapped[bool]
    buttons: Mapped[list[Any]]
    tags: Mapped[list[Any]]
    problem: Mapped[str | None]

    @property
    def is_awaited(self) -> bool:
        """Whether the answer to the last question is still to come."""
        return self.problem is None and (self.seen_at is None or self.seen_at < self.asked_at)

    def tag_name(self, tag_id: int) -> str | None:
        """What the account calls a tag of its followers; None when it has no such tag."""
        return next((str(tag["name"]) for tag in self.tags if tag["id"] == tag_id), None)


def look(member: Member, account_id: int, *, now: datetime) -> Sight:
    """Ask what everybody sees, and which tags there are. Raises NotFound."""
    accounts.access_account(member, account_id, Right.MENUS_WRITE)
    jobs.enqueue(LOOK, key=f"{LOOK}:{account_id}", account_id=account_id)
    return _asked(account_id, EVERYBODY, now)


def try_on(member: Member, account_id: int, person: str, *, now: datetime) -> Sight:
    """Ask what one person sees. Raises NotFound, Invalid."""
    accounts.access_account(member, account_id, Right.MENUS_WRITE)
    person = person.strip()
    if not 1 <= len(person) <= _LONGEST_PERSON or not person.isascii() or not person.isprintable():
        raise Invalid(field="person", problem="请填写微信号或 openid，由字母、数字和 - _ 组成")
    sight = _asked(account_id, person, now)
    jobs.enqueue(TRY, key=f"{TRY}:{sight.id}", sight_id=sight.id)
    return sight


def sight_for_staff(member: Member, account_id: int, person: str = EVERYBODY) -> Sight | None:
    """What was seen last; None when nobody ever looked. Raises NotFound."""
    accounts.access_account(member, account_id, Right.ACCOUNTS_READ)
    return _sight(account_id, person)


def of_everybody(account_id: int) -> Sight | None:
    """What everybody was seen to see; None when nobody ever looked."""
    return _sight(account_id, EVERYBODY)


def get(sight_id: int) -> Sight | None:
    """The sight of this id; None when it was forgotten."""
    return session.get(Sight, sight_id)


def seen(
    account_id: int,
    buttons: tuple[Button, ...],
    *,
    person: str = EVERYBODY,
    is_open: bool = True,
    tags: Sequence[Tag] = (),
    now: datetime,
) -> None:
    """Write down what WeChat showed."""
    _answered(
        account_id,
        person,
        seen_at=now,
        is_open=is_open,
        buttons=dump_shown(buttons),
        tags=[{"id": tag.id, "name": tag.name, "count": tag.count} for tag in tags],
        problem=None,
    )


def unseen(account_id: int, problem: str, *, person: str = EVERYBODY) -> None:
    """Write down why WeChat showed nothing."""
    _answered(account_id, person, problem=problem)


def forget_persons(*, before: datetime) -> None:
    """Remove what single persons saw before an instant."""
    session.execute(
        delete(Sight).where(Sight.person != EVERYBODY, Sight.asked_at < before),
        execution_options={"synchronize_session": False},
    )


def _sight(account_id: int, person: str) -> Sight | None:
    return session.scalars(
        select(Sight).where(Sight.account_id == account_id, Sight.person == person),
        execution_options={"populate_existing": True},
    ).one_or_none()


def _asked(account_id: int, person: str, now: datetime) -> Sight:
    again = {"asked_at": now, "problem": None}
    first = {"is_open": False, "buttons": [], "tags": []}
    session.execute(
        upsert(Sight)
        .values(account_id=account_id, person=person, **first, **again)
        .on_conflict_do_update(index_elements=[Sight.account_id, Sight.person], set_=again)
    )
    sight = _sight(account_id, person)
    assert sight is not None  # written just now
    return sight


def _answered(account_id: int, person: str, **values: Any) -> None:
    session.execute(
        update(Sight)
        .where(Sight.account_id == account_id, Sight.person == person)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
