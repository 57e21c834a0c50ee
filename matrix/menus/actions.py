"""Audit actions of menus."""

from config.audit.actions import AuditAction
from matrix.accounts.actions import AccountAction


class MenuAction(AuditAction, kind=AccountAction.kind):
    """What is recorded about the menus of an account; the object is the account."""

    SAVE = "menu.save", "修改菜单"
    PUSH = "menu.push", "推送菜单"
    CREATE_CONDITIONAL = "menu.create_conditional", "添加个性化菜单"
    DELETE_CONDITIONAL = "menu.delete_conditional", "删除个性化菜单"
