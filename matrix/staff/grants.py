"""Grants: a role for a person, in a department's subtree, at one account or in the whole city.

    grant (from, until) ──> Member with an Area for each right ──> what every page asks

Both dates are local days and included. A grant is never changed, only revoked; who has gained or
lost a right is asked to sign in again (`sessions.end_all`, by the caller).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, or_, select, text
from sqlalchemy.orm import Mapped, mapped_column

from config import audit
from config.database import Base, change, session
from config.errors import Invalid, NotFound
from config.tenancy import Area, Member, Right
from matrix import departments
from matrix.accounts import Account
from matrix.departments import Tree
from matrix.staff import people
from matrix.staff.people import NotYourself, Staff
from matrix.staff.roles import LABELS, RIGHTS, WITH_SECOND_FACTOR, Role

_STANDING = text("revoked_at IS NULL")


class Grant(Base):
    """One role of one person. Neither department nor account means the whole city."""

    __tablename__ = "staff_grants"
    __table_args__ = (
        Index(
            "ix_staff_grants_standing",
            "staff_id",
            sqlite_where=_STANDING,
            postgresql_where=_STANDING,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    role: Mapped[Role]
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    created_at: Mapped[datetime]
    granted_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))

    def holds_on(self, today: date) -> bool:
        """Whether the grant counts on a local day."""
        return (self.starts_on is None or self.starts_on <= today) and (
            self.ends_on is None or today <= self.ends_on
        )


@dataclass(frozen=True)
class Wish:
    """A role somebody is to have, and where and when."""

    role: Role
    department_id: int | None = None
    account_id: int | None = None
    starts_on: date | None = None
    ends_on: date | None = None


def standing(staff_ids: Collection[int]) -> list[Grant]:
    """The grants of people that were not revoked, also those not begun or over, by age."""
    rows = select(Grant).where(Grant.staff_id.in_(staff_ids), Grant.revoked_at.is_(None))
    return list(session.scalars(rows.order_by(Grant.id)))


def member(person: Staff, grants: Iterable[Grant], *, today: date) -> Member:
    """What a person may do where, by those of these grants that hold today. Two queries at most."""
    return Member(person.id, person.name, areas([each for each in grants if each.holds_on(today)]))


def ever(staff_id: int) -> list[Grant]:
    """Every grant a person was given, also those revoked since, by age."""
    rows = select(Grant).where(Grant.staff_id == staff_id)
    return list(session.scalars(rows.order_by(Grant.id)))


def areas(grants: Collection[Grant]) -> dict[Right, Area]:
    """Where some grants give which right, whatever their dates. Two queries at most."""
    if not grants:
        return {}
    tree = departments.tree()
    owners = dict(session.execute(select(Account.id, Account.department_id)).all())
    found: dict[Right, Area] = {}
    for grant in grants:
        area = _area(grant, tree, owners)
        for right in RIGHTS[grant.role]:
            found[right] = _joined(found[right], area) if right in found else area
    return found


def needs_second_factor(grants: Iterable[Grant], *, today: date) -> bool:
    """Whether a role that holds today asks for a second factor."""
    return any(grant.role in WITH_SECOND_FACTOR for grant in grants if grant.holds_on(today))


def _area(grant: Grant, tree: Tree, owners: dict[int, int]) -> Area:
    if grant.account_id is not None:
        return Area(accounts=frozenset({grant.account_id}))
    if grant.department_id is None:
        return Area(everywhere=True)
    within = frozenset(tree.within(grant.department_id))
    return Area(
        departments=within,
        accounts=frozenset(key for key, owner in owners.items() if owner in within),
    )


def _joined(one: Area, other: Area) -> Area:
    return Area(
        one.everywhere or other.everywhere,
        one.departments | other.departments,
        one.accounts | other.accounts,
    )


def give(staff_id: int, wish: Wish, *, by: Member | None, now: datetime) -> Grant:
    """Give a person a role. `by` is None only for commands and the first administrator.

    Nobody can give rights they do not have in that place, nor change their own. Raises Invalid,
    NotFound, NotYourself.
    """
    person = people.get(staff_id)
    if by is not None:
        _check_giver(person, wish, by)
    _check(wish)
    if any(_wish_of(each) == wish for each in standing([staff_id])):
        raise Invalid(field="role", problem="已有相同的授权")
    grant = Grant(
        staff_id=staff_id,
        **vars(wish),
        created_at=now,
        granted_by=by.staff_id if by else None,
    )
    session.add(grant)
    session.flush()  # the audit row needs the id
    _tell("staff.grant", person, grant)
    return grant


def revoke(grant_id: int, *, by: Member | None, now: datetime) -> Grant:
    """Take a role back; a second time changes nothing. Raises NotFound, NotYourself."""
    grant = session.get(Grant, grant_id)
    if grant is None:
        raise NotFound(kind="grant", id=grant_id)
    person = people.get(grant.staff_id)
    if by is not None:
        _check_giver(person, _wish_of(grant), by)
    revoked = {"revoked_at": now, "revoked_by": by.staff_id if by else None}
    moved = change(Grant, grant_id, when={"revoked_at": None}, to=revoked)
    if moved is not None:
        _tell("staff.revoke", person, moved)
    return moved or grant


def _check_giver(person: Staff, wish: Wish, by: Member) -> None:
    by.require(Right.STAFF_MANAGE, department_id=person.department_id)
    if person.id == by.staff_id:
        raise NotYourself(staff=person.id)
    for right in RIGHTS[wish.role]:
        if not by.may(right, department_id=wish.department_id, account_id=wish.account_id):
            raise Invalid(field="role", problem="不能授予您自己没有的权限")


def _check(wish: Wish) -> None:
    if wish.department_id is not None and wish.account_id is not None:
        raise Invalid(field="account_id", problem="单位和账号只能选一个")
    if wish.role is Role.MATRIX_ADMIN and (wish.department_id or wish.account_id):
        raise Invalid(field="role", problem="矩阵管理员只能面向全市")
    if wish.starts_on and wish.ends_on and wish.ends_on < wish.starts_on:
        raise Invalid(field="ends_on", problem="结束日期早于开始日期")


def _wish_of(grant: Grant) -> Wish:
    return Wish(grant.role, grant.department_id, grant.account_id, grant.starts_on, grant.ends_on)


def administrators(*, today: date) -> list[int]:
    """The ids of active people who are matrix administrators today."""
    rows = session.scalars(
        select(Grant)
        .join(Staff, Staff.id == Grant.staff_id)
        .where(
            Grant.role == Role.MATRIX_ADMIN,
            Grant.revoked_at.is_(None),
            Staff.state == people.State.ACTIVE,
            or_(Grant.ends_on.is_(None), Grant.ends_on >= today),
        )
    )
    return sorted({grant.staff_id for grant in rows if grant.holds_on(today)})


def facts(grant: Grant) -> dict[str, Any]:
    """What the audit shows of a grant."""
    return {
        "role": LABELS[grant.role],
        "department_id": grant.department_id,
        "account_id": grant.account_id,
        "starts_on": grant.starts_on.isoformat() if grant.starts_on else None,
        "ends_on": grant.ends_on.isoformat() if grant.ends_on else None,
    }


def _tell(action: str, person: Staff, grant: Grant) -> None:
    audit.record(
        action,
        kind="staff",
        object_id=person.id,
        label=person.name,
        department_id=person.department_id,
        after=facts(grant),
    )
