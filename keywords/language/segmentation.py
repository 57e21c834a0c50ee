"""Segmentation: where the words of a text begin and end, from a dictionary of the language.

    今年报名      今年/报名, so 年报 is found across a border and is no word here
    自来水涨价    自来水/涨价, so 来水 is only a part of a word
    年报怎么填    年报/怎么/填

Chinese has no spaces, so a short keyword is often found across the border of two other words. A
text is cut into the sequence of words that is most probable when each word counts by its frequency
alone (a unigram model). Words and frequencies are those of jieba's dictionary. jieba itself is not
imported: only the few characters around one place are cut, and only where `crossing_words` finds
any, which takes a dozen lookups.

The dictionary is read at first use: 0.2 s and 20 MB of memory in each process that matches.
"""

import importlib.util
import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from math import log
from pathlib import Path

_MAX_WORD_LENGTH = 4
# Rarer words are mostly names, and two characters that meet by chance are often one of them.
_MIN_FREQUENCY = 10
# In counts of the dictionary: a character that no word in it begins with, and a keyword. Keywords
# are likelier in messages to the account that has them than in the dictionary's novels and news.
_UNKNOWN_FREQUENCY = 0.05
_KEYWORD_FREQUENCY = 200
_TOTAL_FREQUENCY = 6e7
# Counting words combine with every noun, so how often 三年 occurs says nothing of a border.
_NUMERALS = re.compile("[零一二三四五六七八九十百千万亿两几半多第]")
# Characters on either side that take part in a cut: a crossing word, and one word more.
_CONTEXT = 5
_ENTRY = re.compile(f"^([\u4e00-\u9fff]{{1,{_MAX_WORD_LENGTH}}}) ([0-9]+)", re.MULTILINE)


def is_word(text: str) -> bool:
    """Whether the dictionary has this word."""
    return _frequencies().get(text, 0) > 0


def may_cross(text: str, start: int, end: int) -> bool:
    """Whether there may be `crossing_words`: two lookups, which most places fail."""
    # whatever crosses a border has the two characters beside it
    known = _frequencies()
    return (start > 0 and text[start - 1 : start + 1] in known) or (
        end < len(text) and text[end - 1 : end + 1] in known
    )


def crossing_words(text: str, start: int, end: int) -> list[str]:
    """The words with characters both inside and outside of text[start:end]; cheap, in no order.

    They may overlap one another, and a good segmentation need not have any of them.
    """
    known, length = _frequencies(), len(text)
    found = []
    for left in range(max(0, start - _MAX_WORD_LENGTH + 1), end):
        # from before the piece a word has to reach into it, from inside beyond it
        first = start if left < start else end
        for right in range(first + 1, min(length, left + _MAX_WORD_LENGTH) + 1):
            word = text[left:right]
            if known.get(word):
                found.append(word)
    return found


def words_across(text: str, start: int, end: int) -> list[str]:
    """Those `crossing_words` that the best segmentation of the text has, without numerals."""
    left = max(0, start - _CONTEXT)
    words, _ = _segment(text[left : end + _CONTEXT])
    return _across(words, start - left, end - left)


def words_instead(text: str, start: int, end: int) -> tuple[list[str], float]:
    """What a segmentation has in place of the keyword at text[start:end], and its advantage.

    Gives the `words_across`, and the natural logarithm of how much more probable the best
    segmentation is than the best one in which the keyword is a word. No words where the best
    segmentation has the keyword, or a longer word of which it is a part.
    """
    left = max(0, start - _CONTEXT)
    window, inside = text[left : end + _CONTEXT], (start - left, end - left)
    words, best = _segment(window)
    across = _across(words, *inside)
    if not across or any(text[start:end] in word for word in across):
        return [], 0.0
    _, with_keyword = _segment(window, inside)
    return across, best - with_keyword


def _across(words: Sequence[str], start: int, end: int) -> list[str]:
    """Those of consecutive words that cross either end of a piece."""
    found, position = [], 0
    for word in words:
        after = position + len(word)
        if position < start < after or position < end < after:
            found.append(word)
        position = after
    return [] if any(map(_NUMERALS.search, found)) else found


def _segment(text: str, keyword: tuple[int, int] | None = None) -> tuple[list[str], float]:
    """The most probable words of a text, and the logarithm of their probability.

    With `keyword` (start and end) that piece is one word, whether or not the dictionary has it.
    """
    # best[end]: probability of the text up to there, and where its last word begins
    best: list[tuple[float, int]] = [(0.0, 0)] + [(float("-inf"), 0)] * len(text)
    for start in range(len(text)):
        for end in range(start + 1, min(len(text), start + _MAX_WORD_LENGTH) + 1):
            if keyword and start < keyword[1] and end > keyword[0] and (start, end) != keyword:
                continue
            probability = _probability(text[start:end], is_keyword=(start, end) == keyword)
            best[end] = max(best[end], (best[start][0] + probability, start))
    words, end = [], len(text)
    while end:
        start = best[end][1]
        words.append(text[start:end])
        end = start
    return words[::-1], best[len(text)][0]


def _probability(word: str, *, is_keyword: bool) -> float:
    """The logarithm of how probable a word is; minus infinity when it is none."""
    frequency: float = _frequencies().get(word, 0)
    if is_keyword:
        frequency = max(frequency, _KEYWORD_FREQUENCY)
    elif not frequency and len(word) == 1:
        frequency = _UNKNOWN_FREQUENCY
    return log(frequency / _TOTAL_FREQUENCY) if frequency else float("-inf")


@cache
def _frequencies() -> dict[str, int]:
    """The words of up to four Han characters, and how often each occurs.

    Neighbouring characters of longer words are in it as well, with a frequency of 0.
    """
    package = importlib.util.find_spec("jieba")
    assert package is not None  # pinned in requirements.txt
    assert package.origin is not None
    listed = (Path(package.origin).parent / "dict.txt").read_text("utf-8")
    entries = map(re.Match.groups, _ENTRY.finditer(listed))
    words = {
        word: max(1, int(count))
        for word, count in entries
        if len(word) == 1 or int(count) >= _MIN_FREQUENCY
    }
    pairs = (left + right for word in words if len(word) > 2 for left, right in pairwise(word))
    return dict.fromkeys(pairs, 0) | words
