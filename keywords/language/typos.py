"""Typos: whether typed text that sounds like a keyword is likely meant to be it.

    注消 for 注销   yes: one character is right, the other is a homophone
    法院 for 法援   no:  法院 is a word in its own right (lookalikes.yaml)
    hukou for 户口  yes: typed in pinyin on purpose
    就也 for 就业   no:  也 is a particle, and particles are homophones of very much

Most people here type by pinyin input methods, so a typo is nearly always a homophone or, where
zh/z or -ng/-n are not distinguished in speech, a near-homophone.
"""

from collections.abc import Sequence

from keywords.language import lexicons, phonetics, small_talk

# In characters. In a keyword this short one wrong character is half of it, so it has to be an exact
# homophone; a longer keyword may have one near-homophone.
SHORT_KEYWORD_LENGTH = 2


def is_likely_typo(keyword: str, typed: Sequence[str]) -> bool:
    """Whether `typed` is likely the keyword with a typo.

    `typed` has one item per character of the keyword: a character, or a toneless syllable where
    pinyin was typed. The caller has already found that both have the same phonetic code.
    """
    differing = [pair for pair in zip(keyword, typed, strict=True) if pair[0] != pair[1]]
    # only what was typed in pinyin differs: the syllables are right or not, and there is no wrong
    # character
    if "".join([item for _, item in differing]).isascii():
        return bool(differing) and all(_is_homophone(meant, item) for meant, item in differing)
    # no character right at all: another word that happens to sound alike
    if len(differing) == len(keyword) or "".join(typed) in lexicons.lookalikes():
        return False
    inexact = sum([not _is_homophone(meant, item) for meant, item in differing])
    if len(keyword) > SHORT_KEYWORD_LENGTH:
        # in a longer word one near-homophone (shen for sheng) is still the same word
        return inexact <= 1
    return not inexact and not any(map(small_talk.is_particle, typed))


def _is_homophone(meant: str, item: str) -> bool:
    syllable = item if item.isascii() else phonetics.usual_reading(item)
    return phonetics.is_reading_of(syllable, meant)
