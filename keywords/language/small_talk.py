"""Chatter: messages that name a rule's word and yet ask for nothing.

Praise ("西岳庙真好看"), thanks ("谢谢律师老师"), stories ("小说里的律师都好帅") and adverts
("专业办证加我微信") must not set off a rule. A question or a complaint in the same message makes
it a request again.
"""

import re
from collections.abc import Iterable
from functools import cache

from keywords.language import lexicons
from keywords.language.normalize import NormalizedText

# Thanks are a whole message when there is little else; else they close a request.
MAX_THANKS_LENGTH = 8


def is_small_talk(normal: NormalizedText) -> bool:
    """Whether the message wants no answer from a rule."""
    if is_advertisement(normal):
        return True
    patterns = _patterns()
    is_thanks = len(normal.text) <= MAX_THANKS_LENGTH and patterns["thanks"].match(normal.text)
    if not is_thanks and not patterns["pleasant"].search(normal.text):
        return False
    # "不错" is praise and must not be taken for the "不" of a complaint
    remaining = patterns["pleasant"].sub("", normal.text)
    return not (patterns["asking"].search(remaining) or "?" in normal.raw or "？" in normal.raw)


def is_advertisement(normal: NormalizedText) -> bool:
    """Whether somebody offers something instead of asking."""
    patterns = _patterns()
    return bool(patterns["adverts"].search(normal.text)) and not patterns["lures"].search(
        normal.text
    )


def is_only_location(text: str, end: int) -> bool:
    """Whether the word that ends at `end` only says where something is."""
    return text.startswith(_places(), end)


def is_particle(character: str) -> bool:
    """Whether a single character is grammar rather than meaning."""
    return character in _particles()


@cache
def _places() -> tuple[str, ...]:
    return lexicons.small_talk().places


@cache
def _particles() -> frozenset[str]:
    return frozenset(lexicons.small_talk().particles)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    lexicon = lexicons.small_talk()
    return {
        "adverts": _any_of(lexicon.adverts),
        "lures": _any_of(lexicon.lures),
        "asking": _any_of(lexicon.asking),
        "thanks": _any_of(lexicon.thanks),
        "pleasant": _any_of((*lexicon.praise, *lexicon.elsewhere, *lexicon.tales)),
    }


def _any_of(lexicon: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(sorted(map(re.escape, lexicon), key=len, reverse=True)))
