"""Borders: whether a keyword that was found is a word or number of its own where it stands.

    我手机号13812345678   12345 is a part of a longer number
    今年报名              年报 lies across the border of 今年 and 报名
    自来水涨价            来水 is only a part of 自来水
    家酒店                sounds like 假酒, but its characters belong to 酒店

Each function gives the Chinese reason for staff, or an empty string where the keyword stands.
"""

import re
from collections.abc import Callable, Sequence

from keywords.language import lexicons, segmentation
from keywords.language.normalize import (
    NormalizedText,
    clauses,
    fold_runs,
    has_clauses,
    to_standard,
)

# How much more probable (natural logarithm) a text has to be without the keyword as a word, by the
# length of the keyword. A longer one is hardly ever found by chance.
_MARGINS = {2: 0.5, 3: 3.0}
SHORT_LENGTHS = frozenset(_MARGINS)
_WHOLE_RUN = r"(?<![0-9a-z]){}(?![0-9a-z])"
# Chinese characters sort behind all latin letters and digits.
_LAST_LATIN = "z"


def number_obstacle(text: str, start: int, end: int, normal: NormalizedText) -> str:
    """Why a keyword with a letter or digit at an end is only part of a longer run of these.

    Ask only where it has one (`has_latin_edge`).
    """
    word = text[start:end]
    if is_whole_run(word, text):
        return ""
    # folding joined numbers that a space kept apart
    spaced = fold_runs(normal.raw)
    if is_whole_run(word, spaced) or is_whole_run(word, to_standard(spaced)):
        return ""
    return f"“{word}”只是一串数字或字母的一部分"


def has_latin_edge(word: str) -> bool:
    """Whether a folded word begins or ends with a latin letter or a digit."""
    return word[0] <= _LAST_LATIN or word[-1] <= _LAST_LATIN


def is_whole_run(word: str, text: str) -> bool:
    """Whether a word stands anywhere in a text without a letter or digit of a longer run."""
    before = r"(?<![0-9a-z])" if word[0] <= _LAST_LATIN else ""
    after = r"(?![0-9a-z])" if word[-1] <= _LAST_LATIN else ""
    return re.search(before + re.escape(word) + after, text) is not None


def word_obstacle(text: str, start: int, end: int, keywords: Callable[[], Sequence[str]]) -> str:
    """Why a short Chinese keyword is not a word where it was found.

    `keywords` gives those of its rule in normal form. A longer one that has both words does not
    count against it: 上户 may be found in 上户口. Ask only for two or three characters.
    """
    crossing = segmentation.crossing_words(text, start, end)
    if not crossing:
        return ""
    word = text[start:end]
    if not segmentation.is_word(word):
        longer = [each for each in crossing if word in each]
        if longer and not set(longer).intersection(keywords()):
            return f"“{word}”在这里只是“{max(longer, key=len)}”的一部分"
    across, advantage = segmentation.words_instead(text, start, end)
    if advantage <= _MARGINS[end - start] or any(
        each in known and word in known for each in across for known in keywords()
    ):
        return ""
    return f"“{word}”在这里跨着词界（{'、'.join(across)}）"


def clause_obstacle(word: str, normal: NormalizedText) -> str:
    """Why a keyword whose characters stand in two clauses is none ("回家，一分" is not 家一)."""
    if word in normal.raw or not has_clauses(normal.raw):
        return ""
    # a comma may stand in the middle of what folding joined
    if any(word in clause or word in to_standard(clause) for clause in clauses(normal.raw)):
        return ""
    return f"“{word}”中间有标点"


def typo_obstacle(source: Sequence[str], start: int, end: int, normal: NormalizedText) -> str:
    """Why source[start:end], which sounds like a keyword, is not likely meant to be it.

    `source` has one item per syllable, as in `PhoneticText`.
    """
    piece = "".join(source[start:end])
    if piece.isascii():
        return ""  # pinyin, which the dictionary does not have
    # the dictionary has few names of offices, and 水务局 sounds like 税务局
    if segmentation.is_word(piece) or piece in lexicons.noise().account_units:
        return f"“{piece}”是另一个词"
    text, start = "".join(source), sum(map(len, source[:start]))
    end = start + len(piece)
    if len(piece) in _MARGINS and segmentation.crossing_words(text, start, end):
        across = segmentation.words_across(text, start, end)
        if across:
            return f"“{piece}”是别的词的一部分（{'、'.join(across)}）"
    return clause_obstacle(piece, normal)
