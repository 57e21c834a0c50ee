"""Roles: bundles of rights, in the offices' own words.

The levels of review are those of the ordinance, clause (十一): the head of the office signs what
is general, the leader in charge what is important, the principal leader what is major.
"""

from enum import StrEnum

from config.permissions import Permission


class Role(StrEnum):
    """What a person is, in a department or at an account."""

    MATRIX_ADMIN = "matrix_admin"
    DEPARTMENT_ADMIN = "department_admin"
    EDITOR = "editor"
    REVIEWER_OFFICE = "reviewer_office"
    REVIEWER_LEADER = "reviewer_leader"
    REVIEWER_PRINCIPAL = "reviewer_principal"
    REVIEWER_SECRECY = "reviewer_secrecy"
    AGENT = "agent"
    CLERK = "clerk"
    AUDITOR = "auditor"


ROLE_LABELS = {
    Role.MATRIX_ADMIN: "矩阵管理员",
    Role.DEPARTMENT_ADMIN: "部门管理员",
    Role.EDITOR: "编辑",
    Role.REVIEWER_OFFICE: "审核（科室负责人）",
    Role.REVIEWER_LEADER: "审核（分管领导）",
    Role.REVIEWER_PRINCIPAL: "审核（主要领导）",
    Role.REVIEWER_SECRECY: "保密审查",
    Role.AGENT: "客服",
    Role.CLERK: "窗口人员",
    Role.AUDITOR: "审计（只读）",
}

PERMISSION_LABELS = {
    Permission.ACCOUNTS_READ: "查看公众号",
    Permission.ACCOUNTS_MANAGE: "接入和管理公众号",
    Permission.MENUS_WRITE: "编辑菜单",
    Permission.QRCODES_WRITE: "制作参数二维码",
    Permission.MEDIA_WRITE: "管理素材",
    Permission.RULES_READ: "查看关键词规则",
    Permission.RULES_WRITE: "编写关键词规则",
    Permission.RULES_REVIEW: "审核关键词规则",
    Permission.CONVERSATIONS_READ: "查看市民留言",
    Permission.CONVERSATIONS_REPLY: "回复市民留言",
    Permission.PRIVACY_REVEAL: "查看完整个人信息",
    Permission.STAFF_READ: "查看人员",
    Permission.STAFF_MANAGE: "管理人员和授权",
    Permission.DEPARTMENTS_MANAGE: "管理单位",
    Permission.AUDIT_READ: "查看操作记录",
    Permission.AUDIT_EXPORT: "导出操作记录",
    Permission.ALERTS_RESOLVE: "处理提醒",
}

_READ_PERMISSIONS = frozenset({Permission.ACCOUNTS_READ, Permission.RULES_READ})
_REVIEW_PERMISSIONS = _READ_PERMISSIONS | {Permission.RULES_REVIEW}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
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

# who decides, manages or takes data out works with a second factor
ROLES_REQUIRING_TWO_FACTOR = frozenset(Role) - {Role.EDITOR, Role.AGENT, Role.CLERK}
