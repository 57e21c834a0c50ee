"""Permissions: what a staff member may do, and where.

    role, granted in a department or at one account                      (matrix/staff)
          └──> Principal: Permission -> PermissionScope
                    └──> access_*(principal, id), list_*_for_staff(principal) of each package

A permission says what may be done, its scope where: in the whole city, or in the departments and
accounts below the grants. Packages ask a Principal and know nothing of roles
(docs/decisions/0040). What lies outside the scope does not exist for the member: NotFound.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, false, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from config.errors import DomainError, NotFound
from config.labelled_enum import LabelledEnum


class Permission(LabelledEnum):
    """What may be done, as `noun.verb`. A role is a set of these."""

    ACCOUNTS_READ = "accounts.read", "查看公众号"
    ACCOUNTS_MANAGE = "accounts.manage", "接入和管理公众号"
    MENUS_WRITE = "menus.write", "编辑菜单"
    QRCODES_WRITE = "qrcodes.write", "制作参数二维码"
    MEDIA_WRITE = "media.write", "管理素材"
    RULES_READ = "rules.read", "查看关键词规则"
    RULES_WRITE = "rules.write", "编写关键词规则"
    RULES_REVIEW = "rules.review", "审核关键词规则"
    CONVERSATIONS_READ = "conversations.read", "查看市民留言"
    CONVERSATIONS_REPLY = "conversations.reply", "回复市民留言"
    # seeing numbers unmasked; apart from reading, because each use leaves an audit entry
    PRIVACY_REVEAL = "privacy.reveal", "查看完整个人信息"
    STAFF_READ = "staff.read", "查看人员"
    STAFF_MANAGE = "staff.manage", "管理人员和授权"
    DEPARTMENTS_MANAGE = "departments.manage", "管理单位"
    AUDIT_READ = "audit.read", "查看操作记录"
    # apart from reading: a file leaves the hub, and with it the control over who reads it
    AUDIT_EXPORT = "audit.export", "导出操作记录"
    ALERTS_RESOLVE = "alerts.resolve", "处理提醒"


class Forbidden(DomainError):
    """The member does not have the permission anywhere, so the whole page is closed to them."""

    status = 403
    text = "您没有进行此操作的权限。"


@dataclass(frozen=True)
class PermissionScope:
    """Where a permission holds: everywhere, or in these departments and at these accounts.

    `departments` are the ids of whole subtrees, `accounts` the ids of all accounts of those
    departments and of accounts that were granted singly. Both are expanded when the Principal is
    made, so that a list needs one condition and a check no query.
    """

    everywhere: bool = False
    departments: frozenset[int] = frozenset()
    accounts: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        """Whether the permission holds anywhere."""
        return self.everywhere or bool(self.departments) or bool(self.accounts)

    def contains(self, *, department_id: int | None = None, account_id: int | None = None) -> bool:
        """Whether a row with this owner lies inside; a row without an owner belongs to the city.

        What belongs to an account is decided by the account alone, whatever department is given:
        somebody may have been granted the account and not the department.
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
        """The SQL condition under which `contains` is true for a row.

        With both columns, the department counts where a row names no account.
        """
        if self.everywhere:
            return true()
        # ids in IN lists: a city has some hundred departments at most (docs/decisions/0040)
        conditions: list[ColumnElement[bool]] = []
        if account is not None:
            conditions.append(account.in_(self.accounts))
        if department is not None:
            in_departments = department.in_(self.departments)
            conditions.append(
                in_departments if account is None else in_departments & account.is_(None)
            )
        # false() first: without any column, nothing is visible
        return or_(false(), *conditions)


EMPTY_SCOPE = PermissionScope()


@dataclass(frozen=True)
class Principal:
    """A staff member as other packages see them: who, and which permissions hold where.

    Made once a request by `matrix.staff` from the grants that are valid at that moment.
    `department_id` is where the member belongs, None for the whole city; it permits nothing.
    """

    staff_id: int
    name: str
    scopes: Mapping[Permission, PermissionScope] = field(default_factory=dict)
    department_id: int | None = None

    def scope(self, permission: Permission) -> PermissionScope:
        """Where the member has a permission; an empty scope when nowhere."""
        return self.scopes.get(permission, EMPTY_SCOPE)

    def may(
        self,
        permission: Permission,
        *,
        department_id: int | None = None,
        account_id: int | None = None,
    ) -> bool:
        """Whether the member has the permission for a row with this owner."""
        return self.scope(permission).contains(department_id=department_id, account_id=account_id)

    def require(
        self,
        permission: Permission,
        *,
        department_id: int | None = None,
        account_id: int | None = None,
    ) -> None:
        """Raises NotFound unless the member has the permission for a row with this owner."""
        if not self.may(permission, department_id=department_id, account_id=account_id):
            raise NotFound(right=permission.value, staff=self.staff_id)

    def require_anywhere(self, *permissions: Permission) -> None:
        """Raises Forbidden unless the member has at least one of these permissions somewhere."""
        if not any(self.scope(permission) for permission in permissions):
            raise Forbidden(
                rights=[permission.value for permission in permissions], staff=self.staff_id
            )
