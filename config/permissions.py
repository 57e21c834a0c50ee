"""Tenancy: who may do what, and where, as every room sees it.

    role, granted in a department or at one account        (matrix/staff)
          └──> Member: right -> Area ──> access_*(member, id), for_staff(member) of each room

A right says what may be done, an area where: the whole city, or the departments and accounts
that lie in the subtrees of the grants. Rooms ask a Member and know nothing of roles. What lies
outside a member's area is not there for them: `NotFound`, never "forbidden".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, false, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from config.errors import DomainError, NotFound


class Permission(StrEnum):
    """What may be done. A role is a bundle of these."""

    ACCOUNTS_READ = "accounts.read"
    ACCOUNTS_MANAGE = "accounts.manage"
    MENUS_WRITE = "menus.write"
    QRCODES_WRITE = "qrcodes.write"
    MEDIA_WRITE = "media.write"
    RULES_READ = "rules.read"
    RULES_WRITE = "rules.write"
    RULES_REVIEW = "rules.review"
    CONVERSATIONS_READ = "conversations.read"
    CONVERSATIONS_REPLY = "conversations.reply"
    PRIVACY_REVEAL = "privacy.reveal"
    STAFF_READ = "staff.read"
    STAFF_MANAGE = "staff.manage"
    DEPARTMENTS_MANAGE = "departments.manage"
    AUDIT_READ = "audit.read"
    AUDIT_EXPORT = "audit.export"
    ALERTS_RESOLVE = "alerts.resolve"


class Forbidden(DomainError):
    """The member has this right nowhere."""

    status = 403
    text = "您没有进行此操作的权限。"


@dataclass(frozen=True)
class PermissionScope:
    """Where a right holds: everywhere, or in these departments and at these accounts.

    `departments` are the ids of whole subtrees, `accounts` the ids of all accounts of those
    departments and of single ones that were granted.
    """

    everywhere: bool = False
    departments: frozenset[int] = frozenset()
    accounts: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        """Whether the right holds anywhere."""
        return self.everywhere or bool(self.departments) or bool(self.accounts)

    def contains(self, *, department_id: int | None = None, account_id: int | None = None) -> bool:
        """Whether a thing of this owner lies inside; one without an owner is the whole city's.

        A thing of one account is named by the account alone.
        """
        if self.everywhere:
            return True
        if account_id is not None:
            return account_id in self.accounts
        return department_id in self.departments

    def sql_filter(
        self,
        *,
        department: InstrumentedAttribute[Any] | None = None,
        account: InstrumentedAttribute[Any] | None = None,
    ) -> ColumnElement[bool]:
        """The condition of a query that `holds` would be true for each of its rows.

        With both columns, the department counts where a row names no account.
        """
        if self.everywhere:
            return true()
        conditions: list[ColumnElement[bool]] = []
        if account is not None:
            conditions.append(account.in_(self.accounts))
        if department is not None:
            in_departments = department.in_(self.departments)
            conditions.append(
                in_departments if account is None else in_departments & account.is_(None)
            )
        return or_(false(), *conditions)


EMPTY_SCOPE = PermissionScope()


@dataclass(frozen=True)
class Principal:
    """A staff member as the rooms see them: who, and what they may do where."""

    staff_id: int
    name: str
    scopes: Mapping[Permission, PermissionScope] = field(default_factory=dict)

    def scope(self, permission: Permission) -> PermissionScope:
        """Where the member has a right; possibly nowhere."""
        return self.scopes.get(permission, EMPTY_SCOPE)

    def may(
        self,
        permission: Permission,
        *,
        department_id: int | None = None,
        account_id: int | None = None,
    ) -> bool:
        """Whether the member may do this to a thing of this owner."""
        return self.scope(permission).contains(department_id=department_id, account_id=account_id)

    def require(
        self,
        permission: Permission,
        *,
        department_id: int | None = None,
        account_id: int | None = None,
    ) -> None:
        """Raises NotFound when a thing of this owner is out of the member's reach."""
        if not self.may(permission, department_id=department_id, account_id=account_id):
            raise NotFound(right=permission.value, staff=self.staff_id)

    def require_anywhere(self, *permissions: Permission) -> None:
        """Raises Forbidden when the member has none of these rights anywhere."""
        if not any(self.scope(permission) for permission in permissions):
            raise Forbidden(
                rights=[permission.value for permission in permissions], staff=self.staff_id
            )
