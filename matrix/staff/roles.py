"""Roles: bundles of rights, in the offices' own words.

The levels of review are those of the ordinance, clause (十一): the head of the office signs what
is general, the leader in charge what is important, the principal leader what is major.
"""

from enum import StrEnum

from config.tenancy import Right


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


LABELS = {
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

RIGHT_LABELS = {
    Right.ACCOUNTS_READ: "查看公众号",
    Right.ACCOUNTS_MANAGE: "接入和管理公众号",
    Right.MENUS_WRITE: "编辑菜单",
    Right.CODES_WRITE: "制作参数二维码",
    Right.MEDIA_WRITE: "管理素材",
    Right.RULES_READ: "查看关键词规则",
    Right.RULES_WRITE: "编写关键词规则",
    Right.RULES_REVIEW: "审核关键词规则",
    Right.TALKS_READ: "查看市民留言",
    Right.TALKS_ANSWER: "回复市民留言",
    Right.PRIVACY_REVEAL: "查看完整个人信息",
    Right.STAFF_READ: "查看人员",
    Right.STAFF_MANAGE: "管理人员和授权",
    Right.DEPARTMENTS_MANAGE: "管理单位",
    Right.AUDIT_READ: "查看操作记录",
    Right.AUDIT_EXPORT: "导出操作记录",
    Right.ALARMS_CLOSE: "处理提醒",
}

_READING = frozenset({Right.ACCOUNTS_READ, Right.RULES_READ})
_REVIEWING = _READING | {Right.RULES_REVIEW}

RIGHTS: dict[Role, frozenset[Right]] = {
    Role.MATRIX_ADMIN: frozenset(Right),
    Role.DEPARTMENT_ADMIN: frozenset(Right),
    Role.EDITOR: _READING
    | {Right.MENUS_WRITE, Right.CODES_WRITE, Right.MEDIA_WRITE, Right.RULES_WRITE}
    | {Right.TALKS_READ},
    Role.REVIEWER_OFFICE: _REVIEWING,
    Role.REVIEWER_LEADER: _REVIEWING,
    Role.REVIEWER_PRINCIPAL: _REVIEWING,
    Role.REVIEWER_SECRECY: _READING,
    Role.AGENT: _READING | {Right.TALKS_READ, Right.TALKS_ANSWER, Right.ALARMS_CLOSE},
    Role.CLERK: frozenset({Right.ACCOUNTS_READ}),
    Role.AUDITOR: _READING
    | {Right.TALKS_READ, Right.STAFF_READ, Right.AUDIT_READ, Right.AUDIT_EXPORT},
}

# who decides, manages or takes data out works with a second factor
WITH_SECOND_FACTOR = frozenset(Role) - {Role.EDITOR, Role.AGENT, Role.CLERK}
