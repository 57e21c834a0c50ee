"""Misspelling: whether what was written is a likely slip for a keyword that sounds alike.

注消 for 注销   yes: one right character, the other sounds the same
法院 for 法援   no:  法院 is a word of its own
hukou for 户口  yes: typed in pinyin on purpose
就也 for 就业   no:  grammar sounds like everything
"""

from collections.abc import Sequence

from keywords.language import lexicons, phonetics, small_talk

SHORT_KEYWORD_LENGTH = 2


def is_likely_typo(keyword: str, typed: Sequence[str]) -> bool:
    """Whether `written`, one item per character of the keyword, is the keyword misspelled.

    Items are characters, or syllables where pinyin was typed. The two sound alike already.
    """
    differing = [pair for pair in zip(keyword, typed, strict=True) if pair[0] != pair[1]]
    if "".join([item for _, item in differing]).isascii():
        return bool(differing) and all(_is_homophone(meant, item) for meant, item in differing)
    if len(differing) == len(keyword) or "".join(typed) in lexicons.lookalikes():
        return False
    inexact = sum([not _is_homophone(meant, item) for meant, item in differing])
    if len(keyword) > SHORT_KEYWORD_LENGTH:
        return inexact <= 1
    return not inexact and not any(map(small_talk.is_particle, typed))


def _is_homophone(meant: str, item: str) -> bool:
    syllable = item if item.isascii() else phonetics.usual_reading(item)
    return phonetics.is_reading_of(syllable, meant)
