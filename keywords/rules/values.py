"""Rules as plain immutable values: keywords, and the replies they trigger.

    Rule.scope  mandatory  no department below can override it; wins over other rules of its level
                default    for everything below, unless a rule `overrides` its slug
                local      only for the department or account that owns it

A rule is owned by the whole city (neither department nor account), by a department, or by one
account. `inheritance` says which rules an account answers with, `store` keeps them in a table, and
`spec` checks what a person writes. The values check nothing when they are made: loading makes them
by the hundred thousand from rows that were checked on the way in. `NonBlankText` is for pydantic,
which reads it when it validates a spec.
"""

from dataclasses import dataclass
from enum import StrEnum

from config.validation import NonBlankText
from keywords.rules.replies import Choice, Reply
from keywords.rules.schedule import ALWAYS, Schedule


class MatchMode(StrEnum):
    """How a keyword is compared with the message.

    `equal`: the whole message. `contains`, `prefix`: anywhere, or at its beginning. `together`:
    one word of each group anywhere, groups separated by spaces and alternatives by bars
    ("水|自来水 黄|浑"). `pattern`: an RE2 regular expression, found anywhere.
    """

    EQUAL = "equal"
    CONTAINS = "contains"
    PREFIX = "prefix"
    TOGETHER = "together"
    PATTERN = "pattern"


class InputKind(StrEnum):
    """What a keyword is compared with: text (typed, or recognised speech), the key of a clicked
    menu entry, or the scene of a scanned QR code.
    """

    TEXT = "text"
    CLICK = "click"
    SCAN = "scan"


class RuleScope(StrEnum):
    """How binding a rule is for the accounts below its owner."""

    MANDATORY = "mandatory"
    DEFAULT = "default"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Keyword:
    """One condition that triggers a rule."""

    text: NonBlankText
    mode: MatchMode = MatchMode.CONTAINS
    kind: InputKind = InputKind.TEXT


@dataclass(frozen=True, slots=True)
class MatchInput:
    """The input to match: the text of a message, a menu key or a scene, according to `kind`."""

    text: str
    kind: InputKind = InputKind.TEXT


@dataclass(frozen=True, slots=True)
class Rule:
    """One live rule.

    `slug` is the name it was loaded with, unique in the city. A message must contain one of
    `required` (when there are any) and none of `excluded`. `priority` is 0 to 999, higher first.
    `overrides` is the slug of the default rule it replaces for its owner. `samples` are phrases
    that the rule must answer; publishing anything is checked against them. `service` is the slug
    of a guide, or empty. `expects_reply` says that the answer asks for something, such as an
    address: the citizen's next message is taken as that and not matched.
    """

    slug: str
    name: str
    keywords: tuple[Keyword, ...]
    replies: tuple[Reply, ...]
    id: int = 0
    department_id: int | None = None
    account_id: int | None = None
    scope: RuleScope = RuleScope.LOCAL
    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    priority: int = 50
    schedule: Schedule = ALWAYS
    choice: Choice = Choice.FIRST
    service: str = ""
    expects_reply: bool = False
    overrides: str = ""
    samples: tuple[str, ...] = ()
