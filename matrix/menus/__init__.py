"""Menus: the buttons at the foot of an account's chat.

    buttons       plain data <──> Button, what WeChat would refuse, where two menus differ
    versions      Account 1 ──< n Menu, pushed by a job
    conditional   other buttons for some followers
    sights        what WeChat shows at this moment

A button opens a page (link), says a key to us (ask, and the scanning and picture kinds), or holds
up to five others. Kinds are the gateway's words (ButtonKind).
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
from matrix.menus.versions import (
    PUSH,
    AccountMenu,
    Menu,
    MenuChanged,
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
    "PUSH",
    "AccountMenu",
    "ButtonProblem",
    "Difference",
    "Menu",
    "MenuChanged",
    "MenuCopy",
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
