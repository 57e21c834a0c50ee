"""Menus: the buttons at the foot of an account's chat.

    buttons       plain data <──> Button, what WeChat would refuse, where two menus differ
    versions      Account 1 ──< n Menu, pushed by a job
    conditional   other buttons for some followers
    sights        what WeChat shows at this moment

A button opens a page (link), says a key to us (ask, and the scanning and picture kinds), or holds
up to five others. Kinds are the gateway's words (ButtonKind).
"""

from matrix.menus.buttons import (
    MOST_SUB,
    MOST_TOP,
    Difference,
    Fault,
    compare,
    dump,
    faults,
    is_link,
    parse,
    read,
)
from matrix.menus.versions import (
    PUSH,
    Copy,
    Menu,
    MenuChanged,
    MenuOvertaken,
    Standing,
    State,
    access_menu,
    adopt,
    copies_for_staff,
    delayed,
    failed,
    get,
    menus_for_staff,
    newest,
    push,
    pushed,
    restore,
    save,
    spread,
    standings_for_staff,
    targets_for_staff,
    wanted,
    write,
)

__all__ = [
    "MOST_SUB",
    "MOST_TOP",
    "PUSH",
    "Copy",
    "Difference",
    "Fault",
    "Menu",
    "MenuChanged",
    "MenuOvertaken",
    "Standing",
    "State",
    "access_menu",
    "adopt",
    "compare",
    "copies_for_staff",
    "delayed",
    "dump",
    "failed",
    "faults",
    "get",
    "is_link",
    "menus_for_staff",
    "newest",
    "parse",
    "push",
    "pushed",
    "read",
    "restore",
    "save",
    "spread",
    "standings_for_staff",
    "targets_for_staff",
    "wanted",
    "write",
]
