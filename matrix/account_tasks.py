"""Account tasks: what somebody still owes an account, such as new secrets after a leaving.

open_for ──> open ──┬── the secret is changed afterwards ──> done, by the change itself
                    └── done ──> done, by a person who says why
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from config import audit
from config.database import Base, change, session
from config.errors import Invalid, NotFound
from config.tenancy import Member, Right
from matrix.accounts import Account

_OPEN = text("done_at IS NULL")


class Kind(StrEnum):
    """What is to be done."""

    KEYS = "keys"  # a new Token and EncodingAESKey
    SECRET = "secret"  # a new AppSecret


class AccountTask(Base):
    """One thing to be done for one account."""

    __tablename__ = "account_tasks"
    __table_args__ = (
        Index(
            "ix_account_tasks_open",
            "account_id",
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[Kind]
    why: Mapped[str]
    opened_at: Mapped[datetime]
    opened_by: Mapped[str]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None]
    done_how: Mapped[str] = mapped_column(default="")


def open_for(
    account_ids: Iterable[int], kind: Kind, why: str, *, now: datetime
) -> list[AccountTask]:
    """Open a task for each account; where the same stands open already, nothing is added.

    `why` is one Chinese phrase for staff, such as whose leaving it is.
    """
    wanted = sorted(set(account_ids))
    standing = set(
        session.scalars(
            select(AccountTask.account_id).where(
                AccountTask.account_id.in_(wanted),
                AccountTask.kind == kind,
                AccountTask.why == why,
                AccountTask.done_at.is_(None),
            )
        )
    )
    accounts = session.execute(
        select(Account.id, Account.name, Account.department_id).where(
            Account.id.in_([key for key in wanted if key not in standing])
        )
    )
    return [_open(key, name, owner, kind, why, now) for key, name, owner in accounts.all()]


def _open(
    account_id: int, name: str, department_id: int, kind: Kind, why: str, now: datetime
) -> AccountTask:
    entry = audit.record(
        "account_task.open",
        kind="account",
        object_id=account_id,
        label=name,
        department_id=department_id,
        after={"kind": kind.value, "why": why},
    )
    task = AccountTask(
        account_id=account_id, kind=kind, why=why, opened_at=now, opened_by=entry.actor_label
    )
    session.add(task)
    return task


def settle(account: Account, kind: Kind, *, made_at: datetime, now: datetime) -> int:
    """Close what a new secret settles: the tasks that stood before it was made. How many."""
    standing = session.scalars(
        select(AccountTask).where(
            AccountTask.account_id == account.id,
            AccountTask.kind == kind,
            AccountTask.opened_at <= made_at,
            AccountTask.done_at.is_(None),
        )
    ).all()
    return sum(_close(task, account, "密钥已更换", now) for task in standing)


def done(task: AccountTask, how: str, *, now: datetime) -> bool:
    """Close a task by hand; False when somebody was first. Raises Invalid without a reason."""
    if not how.strip() or len(how) > 200:
        raise Invalid(field="how", problem="请说明如何处理的，最长 200 个字")
    return _close(task, session.get_one(Account, task.account_id), how.strip(), now)


def _close(task: AccountTask, account: Account, how: str, now: datetime) -> bool:
    closed = change(
        AccountTask, task.id, when={"done_at": None}, to={"done_at": now, "done_how": how}
    )
    if closed is None:
        return False
    entry = audit.record(
        "account_task.done",
        kind="account",
        object_id=account.id,
        label=account.name,
        department_id=account.department_id,
        after={"kind": closed.kind.value, "why": closed.why, "how": how},
    )
    closed.done_by = entry.actor_label
    return True


def access_task(member: Member, task_id: int, right: Right) -> AccountTask:
    """The task, for somebody who has this right at its account. Raises NotFound."""
    covered = member.area(right).covers(account=AccountTask.account_id)
    found = session.scalars(
        select(AccountTask).where(AccountTask.id == task_id, covered)
    ).one_or_none()
    if found is None:
        raise NotFound(kind="account_task", id=task_id, staff=member.staff_id)
    return found


def of_account(account_id: int, *, at_most: int = 20) -> Sequence[AccountTask]:
    """The account's tasks, open ones first, then the newest."""
    rows = select(AccountTask).where(AccountTask.account_id == account_id)
    order = (AccountTask.done_at.is_(None).desc(), AccountTask.id.desc())
    return session.scalars(rows.order_by(*order).limit(at_most)).all()


def open_counts(account_ids: Iterable[int]) -> dict[int, int]:
    """How many tasks stand open, by account; one without any is missing."""
    rows = select(AccountTask.account_id, func.count()).where(
        AccountTask.done_at.is_(None), AccountTask.account_id.in_(set(account_ids))
    )
    return dict(session.execute(rows.group_by(AccountTask.account_id)).all())
