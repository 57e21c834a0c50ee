"""Menus: the buttons at the foot of an account's chat (wechat-platform.md 9.1).

    buttons         buttons as plain data, what WeChat would refuse, where two menus differ
    versions        the account's menu versions; a job pushes the newest to WeChat
    conditional     other menus for some followers
    remote_state    what WeChat shows at this moment

A button opens a page, sends us a key, or holds up to five sub-buttons. Its kinds are those of the
gateway (ButtonKind).
"""

from matrix.menus.buttons import (
    MAX_SUB,
    MAX_TOP,
    ButtonProblem,
    Difference,
    diff,
    from_rows,
    is_allowed_url,
    iter_problems,
    parse,
    to_rows,
)
from matrix.menus.jobs_and_alerts import MenuAlert, MenuJob
from matrix.menus.versions import (
    AccountMenu,
    Menu,
    MenuCopy,
    MenuState,
    MenuSuperseded,
    access_menu,
    copy_to,
    find_newest,
    find_target,
    get,
    import_current,
    list_copies_for_staff,
    list_newest_for_staff,
    list_targets_for_staff,
    list_versions_for_staff,
    mark_failed,
    mark_pushed,
    push,
    record_delay,
    restore,
    save_draft,
    save_from_file,
)

__all__ = [
    "MAX_SUB",
    "MAX_TOP",
    "AccountMenu",
    "ButtonProblem",
    "Difference",
    "Menu",
    "MenuAlert",
    "MenuCopy",
    "MenuJob",
    "MenuState",
    "MenuSuperseded",
    "access_menu",
    "copy_to",
    "diff",
    "find_newest",
    "find_target",
    "from_rows",
    "get",
    "import_current",
    "is_allowed_url",
    "iter_problems",
    "list_copies_for_staff",
    "list_newest_for_staff",
    "list_targets_for_staff",
    "list_versions_for_staff",
    "mark_failed",
    "mark_pushed",
    "parse",
    "push",
    "record_delay",
    "restore",
    "save_draft",
    "save_from_file",
    "to_rows",
]
