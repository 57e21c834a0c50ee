"""Sounds: text as syllables, so that homophones and pinyin input meet the keyword they mean.

    身分正  ┐
    身份证  ├─> shen fen zheng ─> three code characters, searched like any text
    shen份zheng ┘

Syllables are folded the way people here mix them up: zh/z, ch/c, sh/s, and -ng/-n. Whether a
hit is a likely slip is for `misspelling` to say.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from pypinyin import Style, lazy_pinyin
from pypinyin.constants import PINYIN_DICT

_TONES = str.maketrans("āáǎàēéěèếềīíǐìōóǒòūúǔùüǖǘǚǜńňǹḿ", "aaaaeeeeeeiiiioooouuuuvvvvvnnnm")
_LATIN = re.compile("[a-z]+")
_FIRST_CODE = 0xE000  # private use: no message that was folded contains these characters
_CODE_COUNT = 1000
_HAN = range(0x4E00, 0xA000)
_MAX_SYLLABLE_LENGTH = 6
_MAX_RUN_LENGTH = 60
_INTERJECTIONS = frozenset({"n", "m", "ng", "hm", "hng", "ei", "eh", "o", "yo", "lo"})


@dataclass(frozen=True, slots=True)
class PhoneticText:
    """Text as code characters; `source` tells for each what was written there."""

    code: str
    source: Sequence[str]


def encode(text: str) -> PhoneticText:
    """Turn folded text into sounds; latin runs that spell pinyin become syllables too.

    `text` may hold spaces between latin words; they are dropped.
    """
    if not _LATIN.search(text):
        code = text.translate(_code_table())
        return PhoneticText(code, text)
    source = [piece for run in re.findall(r"[a-z]+|[^a-z\s]", text) for piece in _split_run(run)]
    codes, syllables = _code_table(), _syllable_codes()
    code = "".join(syllables.get(piece) or piece[0].translate(codes) for piece in source)
    return PhoneticText(code, source)


def encode_keyword(word: str) -> str:
    """The code of a keyword, read in context: 银行 is yin hang, not yin xing."""
    if not _polyphones().isdisjoint(word):
        syllables = _syllable_codes()
        readings = lazy_pinyin(word, style=Style.NORMAL, v_to_u=False, errors="default")
        if len(readings) == len(word):
            return "".join(
                syllables.get(sound, character)
                for sound, character in zip(readings, word, strict=True)
            )
    return word.translate(_code_table())


def pair_keys(word: str, code: str) -> tuple[str, str, str]:
    """Under which keys a word of two characters is found: one of them right, or both typed.

    So many words of two characters sound alike that sound alone would find too much.
    """
    return word[0] + code[1], code[0] + word[1], code


def pair_codes(word: str, code: str) -> tuple[str, str, str]:
    """How a word of two characters comes to the ear when one of them, or none, is right.

    Beside a wrong neighbour a character is read as it is alone.
    """
    alone = word.translate(_code_table())
    return alone[0] + code[1], code[0] + alone[1], code


def pair_keys_at(phonetic: PhoneticText, start: int) -> Iterator[str]:
    """The pair keys of a message at one place."""
    left, right = phonetic.source[start], phonetic.source[start + 1]
    code = phonetic.code[start : start + 2]
    yield left + code[1]
    yield code[0] + right
    if left.isascii() and right.isascii():
        yield code


def initials(word: str) -> str:
    """The first letters of a keyword's syllables: 身份证 -> sfz."""
    readings = _readings()
    return "".join(readings.get(character, character)[0] for character in word)


def latin_runs(text: str) -> list[str]:
    """The runs of latin letters in folded text, in order."""
    return _LATIN.findall(text)


def has_latin(text: str) -> bool:
    """Whether there are latin letters, which may be pinyin."""
    return _LATIN.search(text) is not None


def is_phonetic_code(character: str) -> bool:
    """Whether a character stands for a syllable."""
    return _FIRST_CODE <= ord(character) < _FIRST_CODE + _CODE_COUNT


def is_reading_of(sound: str, character: str) -> bool:
    """Whether a character can be read as this toneless syllable."""
    return sound == _readings().get(character) or sound in _readings_of(character)


def usual_reading(character: str) -> str:
    """The usual toneless reading of a Han character, or an empty string."""
    return _readings().get(character, "")


def _split_run(run: str) -> Sequence[str]:
    if not run[0].isascii() or not run[0].isalpha():
        return run
    return _segment_pinyin(run) or (run,)


@lru_cache(maxsize=4096)
def _segment_pinyin(run: str) -> tuple[str, ...] | None:
    """Split pinyin into the fewest syllables, longer ones first; None when it is not pinyin."""
    if len(run) > _MAX_RUN_LENGTH:
        return None
    known = _syllable_codes()
    best: list[tuple[str, ...] | None] = [None] * (len(run) + 1)
    best[len(run)] = ()
    for start in range(len(run) - 1, -1, -1):
        for end in range(min(len(run), start + _MAX_SYLLABLE_LENGTH), start, -1):
            rest = best[end]
            if rest is None or run[start:end] not in known:
                continue
            found = best[start]
            if found is None or len(rest) + 1 < len(found):
                best[start] = (run[start:end], *rest)
    return best[0]


def _merge_similar(syllable: str) -> str:
    head, tail = syllable[:2], syllable[2:]
    if head in ("zh", "ch", "sh"):
        syllable = head[0] + tail
    return syllable[:-1] if syllable.endswith("ng") and syllable[-3] in "aei" else syllable


@cache
def _readings() -> dict[str, str]:
    """The usual reading of each Han character, without tone."""
    return {
        chr(point): PINYIN_DICT[point].partition(",")[0].translate(_TONES)
        for point in _HAN
        if point in PINYIN_DICT
    }


@lru_cache(maxsize=8192)
def _readings_of(character: str) -> frozenset[str]:
    listed = PINYIN_DICT.get(ord(character), "") if len(character) == 1 else ""
    return frozenset(listed.translate(_TONES).split(","))


@cache
def _syllable_codes() -> dict[str, str]:
    """Each syllable's code character; syllables that are mixed up share one."""
    syllables = sorted(
        {sound for sound in _readings().values() if sound.isascii()} - _INTERJECTIONS
    )
    folded = {sound: _merge_similar(sound) for sound in syllables}
    numbers = {sound: number for number, sound in enumerate(sorted(set(folded.values())))}
    return {sound: chr(_FIRST_CODE + numbers[folded[sound]]) for sound in syllables}


@cache
def _code_table() -> str:
    """For str.translate: at each character's number its code, or itself.

    One string instead of a dictionary, so that a message touches little memory.
    """
    syllables, readings = _syllable_codes(), _readings()
    return "".join(
        syllables.get(readings.get(character, ""), character)
        for character in map(chr, range(_HAN.stop))
    )


@cache
def _polyphones() -> frozenset[str]:
    """Common characters with more than one reading, for which the word decides."""
    return frozenset(
        "行长重乐降还教调传处当得地都朝种中间更觉将空落率铺强曲数弹系校应载转着藏参差乘单的"
        "佛给冠好和划会卷壳累量绿没难宁区塞省似提吐血咽要扎占正只"
    )
