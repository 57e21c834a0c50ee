"""Rules: keywords, and the replies they trigger, as plain values.

                 ┌ mandatory  nobody below may switch it off; wins at equal strength
    Rule.scope ──┼ default    for all below, until a local rule `overrides` its code
                 └ local      one department's or one account's own

    Rule ──< Keyword   text + mode (equal, contains, prefix, together, pattern) + kind

A rule belongs to the whole city (no department), to a department, or to one account. `effective`
tells which rules an account answers with. The table is `stored`; what a person writes and what
is refused is `drafts`. Neither a rule nor its parts are checked when they are made: what their
types say of a value is read by pydantic when a spec is checked, and costs the matchers nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from config.validation import Word
from keywords.rules.replies import Choice, Reply
from keywords.rules.schedule import ALWAYS, Schedule


class MatchMode(StrEnum):
    """How a keyword is compared with the message.

    `together` holds groups with spaces between them and alternatives between bars:
    "水|自来水 黄|浑" wants one word of each group, anywhere.
    """

    EQUAL = "equal"
    CONTAINS = "contains"
    PREFIX = "prefix"
    TOGETHER = "together"
    PATTERN = "pattern"


class InputKind(StrEnum):
    """What a keyword listens to: text (typed or spoken), a menu click's key, a scene's name."""

    TEXT = "text"
    CLICK = "click"
    SCAN = "scan"


class RuleScope(StrEnum):
    """How binding a rule is for the accounts below it."""

    MANDATORY = "mandatory"
    DEFAULT = "default"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Keyword:
    """One thing a rule listens for."""

    text: Word
    mode: MatchMode = MatchMode.CONTAINS
    kind: InputKind = InputKind.TEXT


@dataclass(frozen=True, slots=True)
class MatchInput:
    """What a citizen did: wrote or said a text, tapped a menu entry, scanned a code."""

    text: str
    kind: InputKind = InputKind.TEXT


@dataclass(frozen=True, slots=True)
class Rule:
    """One live rule. `code` is the name it was loaded with and is unique in the city.

    `samples` are phrases that must go on being answered by it.
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
    overrides: str = ""
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountPosition:
    """Where an account stands in the tree of departments.

    `own` is its department and then everything below it, `ancestors` everything above it.
    """

    account_id: int
    own_and_below: tuple[int, ...]
    ancestors: tuple[int, ...] = ()


def effective_rules(rules: Iterable[Rule], position: AccountPosition) -> tuple[Rule, ...]:
    """The rules an account answers with, by code.

    Its own rules; all rules of its department and the departments below (so the city's head
    account answers with everybody's); from above, what is mandatory or a default. A default is
    left out where a rule of the account, its department or one above overrides it; a mandatory
    rule never is. What a department below overrides, it overrides only for itself.
    """
    below = frozenset(position.own_and_below[1:])
    applicable = [rule for rule in rules if applies_to(rule, position)]
    overridden = {rule.overrides for rule in applicable if rule.department_id not in below}
    present = {rule.slug for rule in applicable} - overridden
    remaining = (
        rule
        for rule in applicable
        if (rule.scope is RuleScope.MANDATORY or rule.slug not in overridden)
        and not (rule.department_id in below and rule.overrides in present)
    )
    return tuple(sorted(remaining, key=lambda rule: rule.slug))


def applies_to(rule: Rule, position: AccountPosition) -> bool:
    """Whether a rule is meant for an account, before anything overrides it."""
    if rule.account_id is not None:
        return rule.account_id == position.account_id
    if rule.department_id in position.own_and_below:
        return True
    if rule.scope is RuleScope.LOCAL:
        return False
    return rule.department_id is None or rule.department_id in position.ancestors
