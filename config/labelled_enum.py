"""Enums of stored strings that also say, in Chinese, what staff read for them.

A noun declares its own subclass of a mechanism's enum, `config.jobs.JobName` for example; the app
collects them. `config` itself knows no word of any noun.
"""

from enum import StrEnum
from typing import Self


class LabelledEnum(StrEnum):
    """Base of enums whose members are written as `PUSH = "menus.push", "推送菜单"`.

    A member is its stored string; `label` is the Chinese text.
    """

    label: str

    # the default only tells type checkers that a member can be looked up by its value alone
    def __new__(cls, value: str, label: str = "") -> Self:
        """Make a member of the string that is stored and the text that staff read."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member
