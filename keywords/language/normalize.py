"""Text normalization: the forms of a message in which it is compared with keywords.

    raw       "請問 ＥＴＣ　咋办？谢谢🙏"
    text      "请问etc咋办谢谢"    width, case and script folded; only letters, digits, Han remain
    core      "etc咋办"            without the greetings and thanks around the request
    standard  "etc怎么办"          dialect words replaced by those of the standard language

Keywords pass through the same functions when they are compiled, so a message and a keyword that
differ only in these respects compare equal. Width is folded by Unicode NFKC (UAX #15), script by
OpenCC's t2s table (traditional to simplified).
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

import opencc
from ahocorasick_rs import AhoCorasick, MatchKind

from keywords.language import lexicons, noise

# WeChat delivers at most 2,048 bytes of text, so this many characters lose nothing that a citizen
# sent; the limit bounds the work on text from elsewhere (files, forms, commands).
MAX_LENGTH = 2000

_NOISE = re.compile(r"[\W_]+")
# What ends a clause. No full stop of the Latin script: it stands inside addresses and numbers.
_CLAUSE_END = re.compile(r"([，。！？；,!?;…\n]+)")
# Joins letters and digits to one number or address: 0913-2123456, 12333.cn, 陕E·12345, 陕E 12345
_JOINED = re.compile(r"(?<=[0-9A-Za-z])[-.@_·•](?=[0-9A-Za-z])|(?<=[一-鿿][A-Za-z]) +(?=[0-9])")
# what behind 好 or 早 makes a question or a judgement of it
_NO_QUESTION = "(?![不吗么吧没几多像难找看用办晚饭餐])"
_HAN = range(0x3400, 0xA000)
# text of these characters alone cannot change in a second round of folding
_STABLE = re.compile("[0-9a-z\u4e00-\u9fff]*")
_MAX_FOLD_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """The forms of one message; see the module for an example.

    `core_start` is the number of characters that `core` lost at the front of `text`.
    """

    raw: str
    text: str
    core: str
    standard: str
    core_start: int


@lru_cache(maxsize=512)
def normalize(raw: str) -> NormalizedText:
    """All normal forms of a message. Takes any string, never raises.

    Cached, because several stages ask for the forms of the same message, and short messages
    ("在吗", menu texts) are sent by many citizens.
    """
    text = fold(raw)
    core, core_start = _strip_fillers(text)
    return NormalizedText(
        raw=raw, text=text, core=core, standard=to_standard(core), core_start=core_start
    )


def fold(raw: str) -> str:
    """Fold width, case and script; drop everything but letters, digits and Han characters.

    At most `MAX_LENGTH` characters are read. Idempotent: folding the result changes nothing.
    """
    text = _fold_once(noise.strip(raw[:MAX_LENGTH]), "")
    for _ in range(_MAX_FOLD_ROUNDS):
        # Common text is stable after one round. In rare scripts dropping a character between two
        # others lets NFKC compose these, so the result has to be folded again.
        if _STABLE.fullmatch(text) and not _traditional().search(text):
            break
        again = _fold_once(text, "")
        if again == text:
            break
        text = again
    return text


def fold_spaced(raw: str) -> str:
    """Fold once, with one space wherever characters were dropped.

    Pinyin typed with spaces ("shen fen zheng") keeps its syllables apart this way.
    """
    return _fold_once(noise.strip(raw[:MAX_LENGTH]), " ").strip()


def fold_runs(raw: str) -> str:
    """Fold once like `fold_spaced`, but keep numbers and addresses in one piece.

    "电话0913-2123456" gives "电话09132123456", "12345 2次" stays apart, so that a run of letters
    and digits in the result is one that the writer meant.
    """
    return _fold_once(_JOINED.sub("", noise.strip(raw[:MAX_LENGTH])), " ")


def has_clauses(raw: str) -> bool:
    """Whether there may be more than one clause; a quick look before `clauses`."""
    return _CLAUSE_END.search(raw) is not None or noise.strip(raw) != raw


def clauses(raw: str) -> tuple[str, ...]:
    """The folded clauses of a message, in order; one that is asked ends in "?".

    Joined without the question marks they are the folded message, or nearly so in rare scripts.
    """
    parts = _CLAUSE_END.split(noise.strip(raw[:MAX_LENGTH]))
    # split gives clauses and what ends them by turns, the last clause without an end
    folded = (
        (_fold_once(clause, ""), "?" if "?" in end or "？" in end else "")
        for clause, end in zip(parts[::2], [*parts[1::2], ""], strict=True)
    )
    return tuple(clause + mark for clause, mark in folded if clause)


def to_standard(text: str) -> str:
    """Replace dialect words and everyday variants in folded text by standard words.

    The longest word wins where several begin at the same place; see `dialect.yaml`.
    """
    finder, replacements = _dialect()
    hits = finder.find_matches_as_indexes(text)
    if not hits:
        return text
    parts: list[str] = []
    position = 0
    for word, start, end in hits:
        parts.append(text[position:start])
        parts.append(replacements[word])
        position = end
    parts.append(text[position:])
    return "".join(parts)


def parse_word_groups(text: str) -> tuple[tuple[str, ...], ...]:
    """The groups of a `together` keyword, each a sorted tuple of words in normal form.

    Spaces separate groups, bars the alternatives within a group: "水|自来水 黄|浑" gives
    (("水", "自来水"), ("浑", "黄")). Words that fold to nothing and empty groups are dropped, so
    a caller that needs at least two groups has to count them.
    """
    groups = (
        tuple(sorted({to_standard(fold(word)) for word in group.split("|")} - {""}))
        for group in text.split()
    )
    return tuple(group for group in groups if group)


def _fold_once(raw: str, gap: str) -> str:
    text = _NOISE.sub(gap, unicodedata.normalize("NFKC", raw).lower())
    if not _traditional().search(text):
        return text
    # OpenCC costs far more than the search above, and most messages have no traditional character
    converted: str = _converter().convert(text)
    return converted


def _strip_fillers(text: str) -> tuple[str, int]:
    """Text without the fillers at both ends, and how many characters went at the front."""
    lead, tail, first, last = _fillers()
    # most messages begin and end with no character of a filler
    found = lead.match(text) if text[:1] in first else None
    start = found.end() if found else 0
    if start == len(text):
        return text, 0  # nothing but fillers: a rule may answer a greeting, so it stays
    # the tail is matched from the end: on reversed text, with reversed words
    found = tail.match(text[:start:-1]) if text[-1:] in last else None
    return text[start : len(text) - (found.end() if found else 0)], start


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@cache
def _traditional() -> re.Pattern[str]:
    """Matches any character that the conversion to simplified script can change.

    Computed from OpenCC itself, over the Han block and its compatibility block.
    """
    convert = _converter().convert
    changed = (
        character
        for character in map(chr, (*_HAN, *range(0xF900, 0xFB00)))
        if convert(character) != character
    )
    return re.compile(f"[{''.join(changed)}]")


@cache
def _fillers() -> tuple[re.Pattern[str], re.Pattern[str], frozenset[str], frozenset[str]]:
    """Patterns of leading fillers and, in reversed text, of trailing ones.

    With them the characters with which leading fillers begin, and trailing ones end.
    """
    lexicon, address = lexicons.fillers(), lexicons.small_talk_kinds().address
    lead, whom = lexicons.any_of(lexicon.lead).pattern, lexicons.any_of(address).pattern
    reversed_tail = [word[::-1] for word in lexicon.tail]
    return (
        # "老师们早", but not the beginning of "医生好找吗"
        re.compile(f"(?:(?:{whom})(?:早上|上午|中午|下午|晚上)?[早好]{_NO_QUESTION}|{lead})+"),
        re.compile(f"(?:{lexicons.any_of(reversed_tail).pattern})+"),
        frozenset(word[0] for word in (*lexicon.lead, *address)),
        frozenset(word[-1] for word in lexicon.tail),
    )


@cache
def _dialect() -> tuple[AhoCorasick, list[str]]:
    """The automaton of dialect words, and the replacement of each by its number."""
    lexicon = lexicons.dialect()
    # a protected word is replaced by itself: as the longer match it hides the dialect word in it
    pairs = {**{word: word for word in lexicon.protected}, **lexicon.replacements}
    finder = AhoCorasick(list(pairs), matchkind=MatchKind.LeftmostLongest)
    return finder, list(pairs.values())
