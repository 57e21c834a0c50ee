"""The owner of a rule as the forms name it: a department, one account, or the whole city."""

from dataclasses import dataclass
from typing import TypedDict

from app.snapshots import Snapshot
from config.permissions import PermissionScope


class OwnerIds(TypedDict):
    """The keyword arguments by which rooms take an owner; both None is the whole city."""

    department_id: int | None
    account_id: int | None


@dataclass(frozen=True)
class Owner:
    """Whose a rule is: a department's, an account's, or (with neither id) the whole city's."""

    department_id: int | None = None
    account_id: int | None = None

    @property
    def key(self) -> str:
        """The value of the owner in a select field: "city", "d3" for department 3, "a5"."""
        if self.account_id is not None:
            # one field for three kinds of owner: a select per kind could contradict each other
            return f"a{self.account_id}"
        return "city" if self.department_id is None else f"d{self.department_id}"

    @property
    def ids(self) -> OwnerIds:
        """The ids as keyword arguments: `member.may(permission, **owner.ids)`."""
        # always both, so that no caller forgets one: without either the question is about the whole
        # city
        return {"department_id": self.department_id, "account_id": self.account_id}

    @classmethod
    def from_key(cls, key: str) -> "Owner":
        """The owner of such a value.

        A malformed value gives department 0, which does not exist: the permission check that
        follows refuses it, where None would have meant the whole city.
        """
        # isdecimal also accepts digits of other scripts, which int reads as well
        number = int(key[1:]) if key[1:].isdecimal() else 0
        if key[:1] == "a":
            return cls(account_id=number)
        return cls() if key == "city" else cls(department_id=number)

    def name(self, snapshot: Snapshot) -> str:
        """The owner's Chinese name; empty for a department or account that is gone."""
        if self.account_id is not None:
            names = (item.name for item in snapshot.accounts.values() if item.id == self.account_id)
            return f"账号 {next(names, '')}"
        if self.department_id is None:
            return "全市"
        return snapshot.department_names.get(self.department_id, "")

    def department_chain(self, snapshot: Snapshot) -> tuple[int, ...]:
        """Department ids from the owner's own up to the root; empty for the whole city."""
        own_department_id = self.department_id
        # policies and fallbacks are inherited by departments, so an account counts as its
        # department
        for account in snapshot.accounts.values():
            if account.id == self.account_id:
                own_department_id = account.department_id
        if own_department_id is None:
            return ()
        return (own_department_id, *snapshot.department_tree.above(own_department_id))


def owner_choices(snapshot: Snapshot, permission_scope: PermissionScope) -> list[tuple[str, str]]:
    """The owners inside a scope as (key, label) of a select field: city, departments, accounts."""
    # only for who may act everywhere: a rule of the city answers at every account
    choices = [(Owner().key, "全市")] if permission_scope.everywhere else []
    parents = snapshot.department_tree.parents
    for root in sorted(key for key, parent in parents.items() if parent is None):
        for department_id in snapshot.department_tree.within(root):
            if permission_scope.contains(department_id=department_id):
                name = snapshot.department_names.get(department_id, "")
                choices.append((Owner(department_id).key, name))
    choices += [
        (Owner(account_id=account.id).key, f"只给账号 {account.name}")
        for account in sorted(snapshot.accounts.values(), key=lambda account: account.id)
        if permission_scope.contains(account_id=account.id)
    ]
    return choices
