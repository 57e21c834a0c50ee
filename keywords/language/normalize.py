"""Normal form: one message in the shape that keywords are compared in.

    raw  "請問 ＥＴＣ　咋办？谢谢🙏"
    text "请问etc咋办谢谢"    width, case, script folded; only letters, digits and Han remain
    core "etc咋办"            without the greetings and thanks around the request
    plain "etc怎么办"         dialect said in the standard language

Keywords pass through the same functions, so both sides always meet.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

import opencc
from ahocorasick_rs import AhoCorasick, MatchKind

from keywords.language import lexicons

# WeChat sends at most 2,048 bytes of text; what stands further back is not read.
MAX_LENGTH = 2000

_NOISE = re.compile(r"[\W_]+")
_MENTION = re.compile(r"@[^\s@]{1,30}(?=\s|$)")
_HAN = range(0x3400, 0xA000)
_STABLE = re.compile("[0-9a-z\u4e00-\u9fff]*")
_MAX_FOLD_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """A message ready for matching; `lead` counts the characters `core` lost at the front."""

    raw: str
    text: str
    core: str
    standard: str
    core_start: int


@lru_cache(maxsize=512)
def normalize(raw: str) -> NormalizedText:
    """Bring a message into its normal forms. Takes any string, never raises.

    One message is asked for several times, and short ones come again and again.
    """
    text = fold(raw)
    core, lead = _strip_fillers(text)
    return NormalizedText(
        raw=raw, text=text, core=core, standard=to_standard(core), core_start=lead
    )


def fold(raw: str) -> str:
    """Fold width, case and script, and drop everything but letters, digits and Han.

    Folding twice changes nothing.
    """
    text = _fold_once(_MENTION.sub(" ", raw[:MAX_LENGTH]) if "@" in raw else raw[:MAX_LENGTH], "")
    for _ in range(_MAX_FOLD_ROUNDS):
        # common text is stable at once; rare scripts may compose anew after something was dropped
        if _STABLE.fullmatch(text) and not _traditional().search(text):
            break
        again = _fold_once(text, "")
        if again == text:
            break
        text = again
    return text


def fold_spaced(raw: str) -> str:
    """Fold like `fold`, with one space where something was dropped: latin words stay apart."""
    return _fold_once(raw[:MAX_LENGTH], " ").strip()


def to_standard(text: str) -> str:
    """Say folded text in the standard language: dialect and everyday variants replaced."""
    finder, replacements = _dialect()
    hits = finder.find_matches_as_indexes(text)
    if not hits:
        return text
    parts: list[str] = []
    at = 0
    for word, start, end in hits:
        parts.append(text[at:start])
        parts.append(replacements[word])
        at = end
    parts.append(text[at:])
    return "".join(parts)


def _fold_once(raw: str, gap: str) -> str:
    text = _NOISE.sub(gap, unicodedata.normalize("NFKC", raw).lower())
    if not _traditional().search(text):
        return text
    converted: str = _converter().convert(text)
    return converted


def _strip_fillers(text: str) -> tuple[str, int]:
    lead, tail = _fillers()
    found = lead.match(text)
    start = found.end() if found else 0
    if start == len(text):
        return text, 0
    found = tail.match(text[:start:-1])
    return text[start : len(text) - (found.end() if found else 0)], start


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@cache
def _traditional() -> re.Pattern[str]:
    """The characters whose presence can make a conversion change anything."""
    convert = _converter().convert
    changed = (
        character
        for character in map(chr, (*_HAN, *range(0xF900, 0xFB00)))
        if convert(character) != character
    )
    return re.compile(f"[{''.join(changed)}]")


@cache
def _fillers() -> tuple[re.Pattern[str], re.Pattern[str]]:
    listed = lexicons.fillers()
    return _any_of(listed.lead), _any_of([word[::-1] for word in listed.tail])


def _any_of(listed: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(map(re.escape, listed), key=len, reverse=True)
    return re.compile(f"(?:{'|'.join(longest_first)})+")


@cache
def _dialect() -> tuple[AhoCorasick, list[str]]:
    listed = lexicons.dialect()
    pairs = {**{word: word for word in listed.protected}, **listed.replacements}
    finder = AhoCorasick(list(pairs), matchkind=MatchKind.LeftmostLongest)
    return finder, list(pairs.values())
