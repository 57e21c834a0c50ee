"""Audit actions of accounts, their keys and their to-dos."""

from config.audit.actions import AuditAction, ObjectKind


class AccountAction(AuditAction, kind=ObjectKind("account", "公众号")):
    """What is recorded about accounts."""

    CREATE = "account.create", "添加公众号"
    UPDATE = "account.update", "修改公众号设置"
    IMPORT_WELCOME = "account.import_welcome", "接管公众号原有的欢迎语"
    PAUSE = "account.pause", "停用公众号"
    RESUME = "account.resume", "恢复公众号"
    VERIFY = "account.verify", "更新认证状态"


class KeyRotationAction(AuditAction, kind=AccountAction.kind):
    """What is recorded about an account's keys."""

    START = "account.start_key_rotation", "开始更换密钥"
    FINISH = "account.finish_key_rotation", "完成公众号密钥更换"
    CANCEL = "account.cancel_key_rotation", "放弃更换密钥"
    ROTATE_SECRET = "account.rotate_secret", "更换 AppSecret"
    REVEAL_KEYS = "account.reveal_keys", "查看新密钥"


class AccountTodoAction(AuditAction, kind=AccountAction.kind):
    """What is recorded about to-dos."""

    CREATE = "account_todo.create", "列出公众号任务"
    COMPLETE = "account_todo.complete", "完成公众号任务"
