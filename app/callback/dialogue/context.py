"""What the answerers of the dialogue share: the push with all it needs, its result, its history."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol

from app.callback.dialogue import facts
from app.callback.dialogue.facts import FactQuestion
from app.snapshots import Snapshot
from keywords.language.normalize import NormalizedText, normalize
from keywords.matching.emergencies import Danger
from keywords.matching.matcher import MatchLevel
from keywords.rules.standard_texts import StandardText, fill
from keywords.rules.values import InputKind, MatchInput, Rule
from matrix.accounts import AccountSnapshot
from matrix.departments.directory import DepartmentCard
from matrix.inbox import Outcome
from matrix.inbox.history import PastPush
from matrix.wechat import messages, passive_replies
from matrix.wechat.messages import Inbound
from matrix.wechat.passive_replies import Reply
from matrix.wechat.text_parts import split_text


@dataclass(frozen=True, slots=True)
class DialogueResult:
    """What the hub answers, and why.

    `reply` is the passive reply, None for silence. `follow_ups` are further messages, sent by
    customer service because a push can be answered with one only. `rule_code` is the slug of the
    rule that answered, `danger` what makes the message an emergency or possibly one.
    `expects_reply` says that the answer asks for something, which the citizen's next message is
    taken as; of such a message `reply_to` is the inbox id of the question.
    """

    outcome: Outcome
    reply: Reply | None = None
    follow_ups: tuple[Reply, ...] = ()
    rule_code: str | None = None
    danger: Danger | None = None
    expects_reply: bool = False
    reply_to: int | None = None


class History(Protocol):
    """What went before between the follower and the account."""

    def recent(self) -> Sequence[PastPush]:
        """The follower's last pushes, the newest first; reads the database at the first call."""

    def question_id(self) -> int | None:
        """The inbox id of the question whose answer asked for more; reads memory only."""


class NoHistory:
    """The history of somebody who writes for the first time."""

    def recent(self) -> Sequence[PastPush]:
        """None."""
        return ()

    def question_id(self) -> int | None:
        """None."""
        return None


@dataclass(frozen=True)
class ReplyContext:
    """One push with everything an answerer may need.

    `match_input` is None for a push that says nothing to the keywords, such as a picture.
    """

    inbound: Inbound
    account: AccountSnapshot
    snapshot: Snapshot
    match_input: MatchInput | None
    history: History
    now: datetime

    @cached_property
    def words(self) -> str | None:
        """What the citizen typed or said; None for other pushes."""
        given = self.match_input
        return given.text if given is not None and given.kind is InputKind.TEXT else None

    @cached_property
    def normal(self) -> NormalizedText | None:
        """The normal forms of `words`."""
        return None if self.words is None else normalize(self.words)

    @cached_property
    def question(self) -> FactQuestion | None:
        """The phone number, place, fee … that the message asks for, and nothing else."""
        return facts.parse(self.normal) if self.normal else None

    @property
    def option_id(self) -> str:
        """The id of the link that the citizen tapped in a text of ours; empty for all else."""
        return self.inbound.option_id or "" if isinstance(self.inbound, messages.Text) else ""

    @property
    def department(self) -> DepartmentCard | None:
        """The card of the account's own department."""
        return self.snapshot.directory.get(self.account.department_id)

    @cached_property
    def matched_rule(self) -> Rule | None:
        """The rule by which this account answers the whole message, or None."""
        if self.match_input is None:
            return None
        return self.snapshot.ruleset.match(self.account.id, self.match_input, now=self.now)

    @cached_property
    def equal_rule(self) -> Rule | None:
        """The rule of this account whose keyword is the whole message.

        Words that the dialogue understands by itself, such as 菜单, give way to it.
        """
        # looked at first, because the explanation costs more
        if self.match_input is None or self.matched_rule is None:
            return None
        matcher = self.snapshot.ruleset.matcher(self.account.id)
        for candidate in matcher.explain(self.match_input, now=self.now):
            if not candidate.obstacle and candidate.level is MatchLevel.EQUAL:
                return candidate.rule
        return None

    def standard_text(self, occasion: StandardText, **values: str) -> str:
        """The city's text of an occasion, its placeholders replaced."""
        return fill(self.snapshot.ruleset.standard_text(occasion), values)


Answerer = Callable[[ReplyContext], DialogueResult | None]


def text_result(outcome: Outcome, text: str, rule_code: str | None = None) -> DialogueResult:
    """A result that says a text; what is over WeChat's limit follows by customer service."""
    first, *rest = map(passive_replies.Text, split_text(text))
    return DialogueResult(outcome, first, tuple(rest), rule_code)
