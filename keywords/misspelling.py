"""Misspelling: whether what was written is a likely slip for a keyword that sounds alike.

注消 for 注销   yes: one right character, the other sounds the same
法院 for 法援   no:  法院 is a word of its own
hukou for 户口  yes: typed in pinyin on purpose
就也 for 就业   no:  grammar sounds like everything
"""

from collections.abc import Sequence

from keywords import chatter, sounds, words

SHORT = 2


def is_likely(keyword: str, written: Sequence[str]) -> bool:
    """Whether `written`, one item per character of the keyword, is the keyword misspelled.

    Items are characters, or syllables where pinyin was typed. The two sound alike already.
    """
    wrong = [pair for pair in zip(keyword, written, strict=True) if pair[0] != pair[1]]
    if "".join([item for _, item in wrong]).isascii():
        return bool(wrong) and all(_sounds_same(meant, item) for meant, item in wrong)
    if len(wrong) == len(keyword) or "".join(written) in words.lookalikes():
        return False
    alike = sum([not _sounds_same(meant, item) for meant, item in wrong])
    if len(keyword) > SHORT:
        return alike <= 1
    return not alike and not any(map(chatter.is_particle, written))


def _sounds_same(meant: str, item: str) -> bool:
    heard = item if item.isascii() else sounds.reading(item)
    return sounds.is_reading(heard, meant)
