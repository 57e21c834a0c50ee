"""Roles: bundles of permissions, named as the city's rules name the offices.

The three levels of review are those of the governing document, clause (十一), see policy.md 1: the
head of the office signs ordinary content, the leader in charge important content, the principal
leader content of major importance.
"""

from config.labelled_enum import LabelledEnum
from config.permissions import Permission


class Role(LabelledEnum):
    """What a person is, in a department, at an account or in the whole city."""

    MATRIX_ADMIN = "matrix_admin", "矩阵管理员"
    DEPARTMENT_ADMIN = "department_admin", "部门管理员"
    EDITOR = "editor", "编辑"
    REVIEWER_OFFICE = "reviewer_office", "审核（科室负责人）"
    REVIEWER_LEADER = "reviewer_leader", "审核（分管领导）"
    REVIEWER_PRINCIPAL = "reviewer_principal", "审核（主要领导）"
    REVIEWER_SECRECY = "reviewer_secrecy", "保密审查"
    AGENT = "agent", "客服"
    CLERK = "clerk", "窗口人员"
    AUDITOR = "auditor", "审计（只读）"


_READ_PERMISSIONS = frozenset({Permission.ACCOUNTS_READ, Permission.RULES_READ})
_REVIEW_PERMISSIONS = _READ_PERMISSIONS | {Permission.RULES_REVIEW}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    # the two administrators differ by where their grant holds, not by what it allows
    Role.MATRIX_ADMIN: frozenset(Permission),
    Role.DEPARTMENT_ADMIN: frozenset(Permission),
    Role.EDITOR: _READ_PERMISSIONS
    | {
        Permission.MENUS_WRITE,
        Permission.QRCODES_WRITE,
        Permission.MEDIA_WRITE,
        Permission.RULES_WRITE,
    }
    | {Permission.CONVERSATIONS_READ},
    Role.REVIEWER_OFFICE: _REVIEW_PERMISSIONS,
    Role.REVIEWER_LEADER: _REVIEW_PERMISSIONS,
    Role.REVIEWER_PRINCIPAL: _REVIEW_PERMISSIONS,
    Role.REVIEWER_SECRECY: _READ_PERMISSIONS,
    Role.AGENT: _READ_PERMISSIONS
    | {Permission.CONVERSATIONS_READ, Permission.CONVERSATIONS_REPLY, Permission.ALERTS_RESOLVE},
    Role.CLERK: frozenset({Permission.ACCOUNTS_READ}),
    Role.AUDITOR: _READ_PERMISSIONS
    | {
        Permission.CONVERSATIONS_READ,
        Permission.STAFF_READ,
        Permission.AUDIT_READ,
        Permission.AUDIT_EXPORT,
    },
}

# whoever approves content, manages people or exports data signs in with a second factor
ROLES_REQUIRING_TWO_FACTOR = frozenset(Role) - {Role.EDITOR, Role.AGENT, Role.CLERK}
