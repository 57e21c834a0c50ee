"""What rules mean: the text by which each rule is encoded, and the rules nearest to a message.

A rule's text is its name, the beginning of what it answers, its samples and keywords, as one text:
measured, one vector of all these finds a rule as well as one vector for each of them, at a tenth
of the memory (decision 0017).
"""

from collections.abc import Iterable, Iterator, Sequence

from keywords.language.encoded_texts import EncodedTexts
from keywords.rules.replies import News, Text
from keywords.rules.values import InputKind, MatchMode, Rule

# In characters. Beyond, a text gains nothing and only costs time.
MAX_RULE_TEXT = 400
MAX_REPLY_TEXT = 100
# Rules that are looked at for what they mean alone; the next ones are never close enough.
NEAREST_RULES = 200


class RuleMeanings:
    """The vectors of some rules, by their number; see `EncodedTexts`, also for `update`."""

    def __init__(self, rules: Sequence[Rule], previous: "RuleMeanings | None" = None) -> None:
        """Without vectors, but for those of rules that `previous` has with the same text."""
        self._texts: EncodedTexts = EncodedTexts(
            [rule_text(rule) for rule in rules], previous._texts if previous is not None else None
        )

    def update(self, *, seconds: float) -> bool:
        """Encode rules that have no vector, for about so long. Gives whether all have one now."""
        return self._texts.update(seconds=seconds)

    def similarities(self, message: str, numbers: Iterable[int]) -> dict[int, float]:
        """How similar a message is to these rules and to the nearest others, by their number.

        -1 to 1; what is unrelated lies around 0. Rules without a vector are left out.
        """
        return self._texts.nearest(message, NEAREST_RULES, also=numbers)


def rule_text(rule: Rule) -> str:
    """The text by which a rule is encoded, with no word twice."""
    words = dict.fromkeys(word for part in _parts(rule) for word in part.split())
    return " ".join(words)[:MAX_RULE_TEXT]


def _parts(rule: Rule) -> Iterator[str]:
    yield rule.name
    yield _reply_text(rule)[:MAX_REPLY_TEXT]
    yield from rule.samples
    for keyword in rule.keywords:
        # keys of menus are no words, and a pattern's text is no language
        if keyword.kind is InputKind.TEXT and keyword.mode is not MatchMode.PATTERN:
            yield keyword.text.replace("|", " ")


def _reply_text(rule: Rule) -> str:
    for reply in rule.replies:
        match reply:
            case Text():
                return reply.content
            case News():
                return f"{reply.title} {reply.description}"
    return ""
