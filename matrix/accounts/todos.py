"""To-dos: what staff still have to do for an account, such as new secrets after somebody left.

create_for --> open --+--> done by the change itself (complete_after_rotation)
                      +--> done by a person, who says how (complete)
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from config import audit
from config.database import Base, compare_and_set, session
from config.errors import Invalid, NotFound
from config.permissions import Permission, Principal
from matrix.accounts import Account
from matrix.accounts.actions import AccountTodoAction

# partial index: almost all rows are done, and pages ask for the open ones
_IS_OPEN = text("done_at IS NULL")


class TodoKind(StrEnum):
    """What has to be done."""

    KEYS = "keys"  # a new Token and EncodingAESKey
    SECRET = "secret"  # a new AppSecret


class AccountTodo(Base):
    """One thing to do for one account."""

    __tablename__ = "account_todos"
    __table_args__ = (
        Index(
            "ix_account_todos_open",
            "account_id",
            sqlite_where=_IS_OPEN,
            postgresql_where=_IS_OPEN,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[TodoKind]
    reason: Mapped[str]
    opened_at: Mapped[datetime]
    # names as in the audit, not foreign keys: they stay readable when people leave
    opened_by: Mapped[str]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None]
    resolution: Mapped[str] = mapped_column(default="")


def create_for(
    account_ids: Iterable[int], kind: TodoKind, reason: str, *, now: datetime
) -> list[AccountTodo]:
    """Open a to-do for each account, except where the same one is open already.

    `reason` is one Chinese phrase for staff, e.g. whose leaving it is. Returns the new ones.
    """
    # sorted, so that the audit rows of two runs come in the same order
    ids = sorted(set(account_ids))
    open_ids = set(
        session.scalars(
            select(AccountTodo.account_id).where(
                AccountTodo.account_id.in_(ids),
                AccountTodo.kind == kind,
                AccountTodo.reason == reason,
                AccountTodo.done_at.is_(None),
            )
        )
    )
    rows = session.execute(
        select(Account.id, Account.name, Account.department_id).where(
            Account.id.in_([key for key in ids if key not in open_ids])
        )
    )
    return [_create(key, name, owner, kind, reason, now) for key, name, owner in rows.all()]


def _create(
    account_id: int, name: str, department_id: int, kind: TodoKind, reason: str, now: datetime
) -> AccountTodo:
    entry = audit.record(
        AccountTodoAction.CREATE,
        owner=audit.Owner(department_id, account_id),
        object_id=account_id,
        label=name,
        after={"kind": kind.value, "reason": reason},
    )
    task = AccountTodo(
        account_id=account_id, kind=kind, reason=reason, opened_at=now, opened_by=entry.actor_label
    )
    session.add(task)
    return task


def complete_after_rotation(
    account: Account, kind: TodoKind, *, rotated_at: datetime, now: datetime
) -> int:
    """Close the to-dos that a new secret settles. Returns how many.

    Only those opened before the secret was made: a later one asks for a still newer secret.
    """
    settled = session.scalars(
        select(AccountTodo).where(
            AccountTodo.account_id == account.id,
            AccountTodo.kind == kind,
            AccountTodo.opened_at <= rotated_at,
            AccountTodo.done_at.is_(None),
        )
    ).all()
    # one by one, because each leaves an audit row of its own
    return sum(_complete(task, account, "密钥已更换", now) for task in settled)


def complete(todo: AccountTodo, how: str, *, now: datetime) -> bool:
    """Close a to-do by hand; False when it was closed already. Raises Invalid without `how`."""
    if not how.strip() or len(how) > 200:
        raise Invalid(field="how", problem="请说明如何处理的，最长 200 个字")
    return _complete(todo, session.get_one(Account, todo.account_id), how.strip(), now)


def _complete(task: AccountTodo, account: Account, how: str, now: datetime) -> bool:
    closed = compare_and_set(
        AccountTodo, task.id, when={"done_at": None}, to={"done_at": now, "resolution": how}
    )
    if closed is None:
        return False
    entry = audit.record(
        AccountTodoAction.COMPLETE,
        owner=account,
        object_id=account.id,
        label=account.name,
        after={"kind": closed.kind.value, "reason": closed.reason, "how": how},
    )
    closed.done_by = entry.actor_label
    return True


def access_todo(principal: Principal, todo_id: int, permission: Permission) -> AccountTodo:
    """The to-do, for a principal with this permission at its account. Raises NotFound."""
    covered = principal.scope(permission).sql_filter(account=AccountTodo.account_id)
    found = session.scalars(
        select(AccountTodo).where(AccountTodo.id == todo_id, covered)
    ).one_or_none()
    if found is None:
        raise NotFound(kind="account_todo", id=todo_id, staff=principal.staff_id)
    return found


def list_for_account(account_id: int, *, at_most: int = 20) -> Sequence[AccountTodo]:
    """An account's to-dos: open ones first, then newest first."""
    rows = select(AccountTodo).where(AccountTodo.account_id == account_id)
    order = (AccountTodo.done_at.is_(None).desc(), AccountTodo.id.desc())
    return session.scalars(rows.order_by(*order).limit(at_most)).all()


def count_open(account_ids: Iterable[int]) -> dict[int, int]:
    """Number of open to-dos by account id; an account without any is missing."""
    rows = select(AccountTodo.account_id, func.count()).where(
        AccountTodo.done_at.is_(None), AccountTodo.account_id.in_(set(account_ids))
    )
    return dict(session.execute(rows.group_by(AccountTodo.account_id)).all())
