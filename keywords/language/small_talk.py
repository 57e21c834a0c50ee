"""Small talk: messages that ask for nothing, so that no rule should answer them.

    你好 / 谢谢律师老师 / 在吗 / /::)    nothing but small talk: a kind, with a reply of its own
    西岳庙真好看                         a remark: pleasant words, and nothing that asks
    专业办证加我微信                     an advertisement

What counts is the whole message. A question, a complaint or a wish beside the pleasant words makes
it a request: "辛苦了，我家没水" and "昨天被偷了" are none of the above.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache

from ahocorasick_rs import AhoCorasick

from keywords.language import lexicons, noise
from keywords.language.normalize import NormalizedText, to_standard

# In characters. Nothing longer consists of greetings only; the limit bounds the search.
_MAX_KIND_LENGTH = 30
# In different Chinese characters. Who writes more than this and asks for nothing tells a story.
_MIN_STORY_CHARACTERS = 32
_LATIN = re.compile("[0-9a-z]+")
_QUESTION_MARKS = re.compile(r"[?？]")


class SmallTalkKind(StrEnum):
    """What a message of nothing but small talk is; each has a reply in rules/standard_texts."""

    ABUSE = "abuse"
    PRESENCE = "presence"
    GOODBYE = "goodbye"
    THANKS = "thanks"
    AFFIRMATION = "affirmation"
    GREETING = "greeting"
    INTERJECTION = "interjection"
    TEST = "test"
    QUESTION_MARK = "question_mark"
    STICKER = "sticker"
    EMOJI = "emoji"


def classify(normal: NormalizedText) -> SmallTalkKind | None:
    """The kind of a message that is small talk as a whole, or None.

    Every part of it has to be small talk, a form of address or a connecting word.
    """
    if not normal.text:
        return _kind_of_signs(normal.raw)
    if len(normal.text) > _MAX_KIND_LENGTH:
        return None
    # words of the list may be written in dialect or in the standard language
    return _kind_of_words(normal.text) or _kind_of_words(to_standard(normal.text))


def is_small_talk(normal: NormalizedText) -> bool:
    """Whether no rule should answer the message: it asks for nothing, or advertises."""
    # most messages have no word of an offer or a remark
    if len(normal.text) > _MIN_STORY_CHARACTERS or _signals().find_matches_as_indexes(normal.text):
        return is_advertisement(normal) or is_remark(normal) or classify(normal) is not None
    return classify(normal) is not None


def is_advertisement(normal: NormalizedText) -> bool:
    """Whether the message offers something; a citizen who reports an offer does not.

    One clear sign of an offer is enough, or two that also stand in requests ("转让", "名额").
    """
    patterns = _patterns()
    if not patterns["offers"].search(normal.text):
        return False
    clear = patterns["clear_offers"].search(normal.text)
    signs = set(patterns["offers"].findall(normal.text))
    # "有人说专业办证加我微信，是骗子吗" quotes an advertisement and asks about it
    return bool(clear or len(signs) > 1) and not patterns["scam_reports"].search(normal.text)


def is_remark(normal: NormalizedText) -> bool:
    """Whether the message tells or praises something, and asks and complains of nothing."""
    patterns, text = _patterns(), normal.text
    pleasant = patterns["pleasant"].search(text)
    is_story = len(set(_LATIN.sub("", normal.core))) > _MIN_STORY_CHARACTERS
    if not pleasant and not is_story:
        return False
    if _QUESTION_MARKS.search(normal.raw):
        return False
    # removed before the search for requests: the "不" of "不错" is no complaint
    remaining = patterns["pleasant"].sub("，", patterns["not_asking"].sub("，", text))
    if is_story:
        # in a long message single characters such as 不 or 没 say nothing
        return not patterns["clear_requests"].search(remaining)
    return not patterns["requests"].search(remaining)


def is_only_location(text: str, end: int) -> bool:
    """Whether the word that ends at `end` only says where something is ("派出所对面的公园")."""
    # the office in such a message is a landmark, not what is asked about
    return text.startswith(_location_suffixes(), end)


def is_particle(character: str) -> bool:
    """Whether a single character is grammar rather than meaning."""
    return character in _particles()


def _kind_of_signs(raw: str) -> SmallTalkKind | None:
    """The kind of a message without words."""
    if noise.has_sticker(raw):
        return SmallTalkKind.STICKER
    if noise.has_pictograph(raw):
        return SmallTalkKind.EMOJI
    return SmallTalkKind.QUESTION_MARK if raw.strip() else None


def _kind_of_words(text: str) -> SmallTalkKind | None:
    """The kind that wins among the words into which a text can be cut without a rest."""
    finder, kinds, characters = _kind_words()
    # nearly every other message has a character that no such word has
    if not characters.issuperset(text):
        return None
    # for each position the fewest words up to there, and the kinds among them
    best: list[tuple[int, frozenset[SmallTalkKind]] | None] = [(0, frozenset())]
    best += [None] * len(text)
    # sorted by start, so that every way to a position is known before one leads on from it
    for number, start, end in sorted(
        finder.find_matches_as_indexes(text, overlapping=True), key=lambda found: found[1:]
    ):
        way, there = best[start], best[end]
        if way is not None and (there is None or way[0] + 1 < there[0]):
            kind = kinds[number]
            best[end] = way[0] + 1, way[1] | {kind} if kind else way[1]
    found = best[-1]
    if found is None or not found[1]:
        return None
    return min(found[1], key=list(SmallTalkKind).index)


@cache
def _kind_words() -> tuple[AhoCorasick, list[SmallTalkKind | None], frozenset[str]]:
    """The automaton of all words of small talk, and the kind of each, None for connecting ones.

    With them the characters of which such words consist.
    """
    lexicon = lexicons.small_talk_kinds()
    words: dict[str, SmallTalkKind | None] = dict.fromkeys(
        (*lexicon.address, *lexicon.occasions, *lexicon.connecting)
    )
    for kind in reversed(SmallTalkKind):
        words.update(dict.fromkeys(lexicon.words[kind], kind))
    words.update(_addressed_greetings(lexicon.address))
    return AhoCorasick(list(words)), list(words.values()), frozenset("".join(words))


def _addressed_greetings(address: tuple[str, ...]) -> Iterator[tuple[str, SmallTalkKind]]:
    # "好" alone is an affirmation
    for whom in address:
        yield whom + "好", SmallTalkKind.GREETING
        yield whom + "早", SmallTalkKind.GREETING


@cache
def _location_suffixes() -> tuple[str, ...]:
    return lexicons.small_talk().location_suffixes


@cache
def _particles() -> frozenset[str]:
    return frozenset(lexicons.small_talk().particles)


@cache
def _signals() -> AhoCorasick:
    """Finds whether a message has any word of an advertisement or a remark."""
    lexicon = lexicons.small_talk()
    offers, pleasant = (*lexicon.clear_offers, *lexicon.offers), _pleasant(lexicon)
    return AhoCorasick(sorted({*offers, *pleasant}))


def _pleasant(lexicon: lexicons.SmallTalkLexicon) -> tuple[str, ...]:
    return (*lexicon.praise, *lexicon.fiction, *lexicon.narration)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    lexicon = lexicons.small_talk()
    asking = {*lexicon.question_words, *lexicon.asking, *lexicon.problems}
    clear = {word for word in asking if len(word) > 1}.union(lexicon.clear_characters)
    return {
        "clear_offers": lexicons.any_of(lexicon.clear_offers),
        "offers": lexicons.any_of((*lexicon.clear_offers, *lexicon.offers)),
        "scam_reports": lexicons.any_of(lexicon.scam_reports),
        "not_asking": lexicons.any_of(lexicon.not_asking),
        "requests": lexicons.any_of(asking),
        "clear_requests": lexicons.any_of(clear.difference(lexicon.topics)),
        # one pattern for all, since each message is searched for all of them
        "pleasant": lexicons.any_of(_pleasant(lexicon)),
    }
