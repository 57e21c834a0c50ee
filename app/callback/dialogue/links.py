"""Links in a text of ours that, when tapped, send their words back with the id of an option.

WeChat's format (`weixin://bizmsgmenu`) looks like HTML and has no escapes, so characters that would
end the link early are removed. Such a link works at every account and costs no message.
"""

import re
from collections.abc import Iterable, Iterator

from keywords.rules.values import Rule
from matrix.departments.directory import DepartmentCard
from matrix.wechat.text_parts import MAX_PART_BYTES

RULE_PREFIX = "rule:"
DEPARTMENT_PREFIX = "department:"
# a command of the dialogue, such as the list of departments, and a page of it
COMMAND_PREFIX = "command:"
_RULE_LINK = re.compile(rf'msgmenuid={RULE_PREFIX}([^"]+)"')
# what ends an attribute, a parameter or the address in a link
_UNSAFE = re.compile(r"""[<>&"'#?=%\s]""")


def link(words: str, option_id: str) -> str:
    """A link that sends `words` with `option_id`."""
    shown = _UNSAFE.sub("", words)
    address = f"weixin://bizmsgmenu?msgmenucontent={shown}&msgmenuid={option_id}"
    return f'<a href="{address}">{shown}</a>'


def rule_link(rule: Rule) -> str:
    """A link to the answer of a rule, whoever owns it."""
    return link(rule.name, RULE_PREFIX + rule.slug)


def department_link(card: DepartmentCard) -> str:
    """A link to the card of a department."""
    return link(card.name, f"{DEPARTMENT_PREFIX}{card.id}")


def fitting(lines: Iterable[str], *, reserved: str = "") -> Iterator[str]:
    """The first lines that fit into one text together with `reserved`."""
    left = MAX_PART_BYTES - len(reserved.encode()) - 1
    for line in lines:
        left -= len(line.encode()) + 1
        if left < 0:
            return
        yield line


def rule_slugs(text: str) -> list[str]:
    """The slugs of the rules that the links of a text lead to."""
    return _RULE_LINK.findall(text)
