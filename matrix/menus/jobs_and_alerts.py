"""Names of the background jobs and of the alerts that are about menus."""

from config.alerts import AlertKind
from config.jobs import JobName


class MenuJob(JobName):
    """Jobs that bring a menu to WeChat, or fetch what WeChat shows."""

    PUSH = "menus.push", "推送菜单"
    CREATE_CONDITIONAL = "menus.create_conditional", "创建个性化菜单"
    DELETE_CONDITIONAL = "menus.delete_conditional", "删除个性化菜单"
    REFRESH = "menus.refresh", "读取微信端的菜单"
    PREVIEW = "menus.preview", "读取某位粉丝看到的菜单"


class MenuAlert(AlertKind):
    """What staff must look at in a menu."""

    PUSH_FAILED = "menu.push_failed", "菜单推送失败"
