"""Audit actions: what can be recorded, about which kind of object, with the Chinese labels.

    class MenuAction(AuditAction, kind=accounts.AUDIT_KIND):
        PUSH = "menu.push", "推送菜单"

Each noun declares its own in its module; `app.audit_labels` collects them for search and display.
The values are stored in rows that can never be rewritten, so a value that was once released must
keep its meaning.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from config.labelled_enum import LabelledEnum


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """A kind of object: the name that is stored, and its Chinese label."""

    name: str
    label: str


class AuditAction(LabelledEnum):
    """The base of every enum of actions: `MEMBER = "noun.verb", "Chinese label"`.

    `kind` is the kind of object that the actions of one enum are about.
    """

    kind: ClassVar[ObjectKind]

    def __init_subclass__(cls, *, kind: ObjectKind) -> None:
        """Keep the kind of object."""
        super().__init_subclass__()
        cls.kind = kind


@dataclass(frozen=True, slots=True)
class ActionLabels:
    """The labels of collected actions and of the kinds of objects, by stored name, sorted."""

    actions: Mapping[str, str]
    kinds: Mapping[str, str]

    def action(self, name: str) -> str:
        """The label of an action. Old rows may hold one that is not recorded any more: its name."""
        return self.actions.get(name, name)

    def kind(self, name: str) -> str:
        """The label of a kind of object, or its name."""
        return self.kinds.get(name, name)


def collect(enums: Iterable[type[AuditAction]]) -> ActionLabels:
    """The labels of all actions of these enums."""
    members = sorted(action for enum in enums for action in enum)
    kinds = sorted((action.kind.name, action.kind.label) for action in members)
    return ActionLabels({action.value: action.label for action in members}, dict(kinds))
