"""Small talk: messages that contain a keyword but ask for nothing.

Praise ("西岳庙真好看"), thanks ("谢谢律师老师"), stories ("小说里的律师都好帅") and advertisements
("专业办证加我微信") must not trigger a rule. A question or a complaint in the same message makes
it a request again.
"""

import re
from functools import cache

from keywords.language import lexicons
from keywords.language.normalize import NormalizedText

# In characters. A short message that begins with thanks is only thanks; a longer one may thank
# first and ask afterwards.
MAX_THANKS_LENGTH = 8


def is_small_talk(normal: NormalizedText) -> bool:
    """Whether no rule should answer the message: small talk or an advertisement."""
    if is_advertisement(normal):
        return True
    patterns = _patterns()
    is_thanks = len(normal.text) <= MAX_THANKS_LENGTH and patterns["thanks"].match(normal.text)
    if not is_thanks and not patterns["pleasant"].search(normal.text):
        return False
    # removed before the search for question words: the "不" of "不错" is no complaint
    remaining = patterns["pleasant"].sub("", normal.text)
    return not (
        patterns["question_words"].search(remaining) or "?" in normal.raw or "？" in normal.raw
    )


def is_advertisement(normal: NormalizedText) -> bool:
    """Whether the message offers something; a citizen who reports an offer does not."""
    patterns = _patterns()
    # "有人说专业办证加我微信，是骗子吗" quotes an advertisement and asks about it
    return bool(patterns["advertisements"].search(normal.text)) and not patterns[
        "scam_reports"
    ].search(normal.text)


def is_only_location(text: str, end: int) -> bool:
    """Whether the word that ends at `end` only says where something is ("派出所对面的公园")."""
    # the office in such a message is a landmark, not what is asked about
    return text.startswith(_location_suffixes(), end)


def is_particle(character: str) -> bool:
    """Whether a single character is grammar rather than meaning."""
    return character in _particles()


@cache
def _location_suffixes() -> tuple[str, ...]:
    return lexicons.small_talk().location_suffixes


@cache
def _particles() -> frozenset[str]:
    return frozenset(lexicons.small_talk().particles)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    lexicon = lexicons.small_talk()
    return {
        "advertisements": lexicons.any_of(lexicon.advertisements),
        "scam_reports": lexicons.any_of(lexicon.scam_reports),
        "question_words": lexicons.any_of(lexicon.question_words),
        "thanks": lexicons.any_of(lexicon.thanks),
        # one pattern for all three, since each message is searched for all of them
        "pleasant": lexicons.any_of((*lexicon.praise, *lexicon.fiction, *lexicon.narration)),
    }
