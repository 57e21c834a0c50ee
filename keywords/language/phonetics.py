"""Phonetic encoding: homophones and pinyin input become the same code as the keyword they mean.

    身分正       ┐
    身份证       ├─> shen fen zheng ─> three code characters, searched like any other text
    shen份zheng  ┘

One syllable is one character from Unicode's private use area, so the same automaton that finds
words finds sounds. Syllables that the local pronunciation does not distinguish share a code: zh/z,
ch/c, sh/s, and -ang/-an, -eng/-en, -ing/-in. `typos` decides whether a hit is a likely typo.
Readings are those of pypinyin.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from pypinyin import Style, lazy_pinyin
from pypinyin.constants import PINYIN_DICT

# people type pinyin without tones, and a wrong tone is no other word here
_TONES = str.maketrans("āáǎàēéěèếềīíǐìōóǒòūúǔùüǖǘǚǜńňǹḿ", "aaaaeeeeeeiiiioooouuuuvvvvvnnnm")
_LATIN = re.compile("[a-z]+")
_FIRST_CODE = 0xE000  # start of the private use area; folding removes such characters from text
# Mandarin has about 400 syllables without tone
_CODE_COUNT = 1000
_HAN = range(0x4E00, 0xA000)
_MAX_SYLLABLE_LENGTH = 6  # "zhuang"
# longer runs of latin letters are no pinyin anybody typed, and splitting costs length times 6
_MAX_RUN_LENGTH = 60
# readings of interjections only; as syllables they would let stray letters count as pinyin
_INTERJECTIONS = frozenset({"n", "m", "ng", "hm", "hng", "ei", "eh", "o", "yo", "lo"})


@dataclass(frozen=True, slots=True)
class PhoneticText:
    """Text as phonetic code.

    `source` has one item per code character: the character or pinyin syllable as it was typed.
    """

    code: str
    source: Sequence[str]


def encode(text: str) -> PhoneticText:
    """Encode folded text; runs of latin letters that spell pinyin become syllables as well.

    Spaces between latin words are dropped. What is neither a known Han character nor pinyin is
    its own code (a run of other latin letters: its first letter).
    """
    if not _LATIN.search(text):
        # the common case, without any splitting
        code = text.translate(_code_table())
        return PhoneticText(code, text)
    # latin runs and single other characters, so that 身份zheng becomes three syllables
    source = [piece for run in re.findall(r"[a-z]+|[^a-z\s]", text) for piece in _split_run(run)]
    codes, syllables = _code_table(), _syllable_codes()
    code = "".join(syllables.get(piece) or piece[0].translate(codes) for piece in source)
    return PhoneticText(code, source)


def encode_keyword(word: str) -> str:
    """The phonetic code of a keyword, read as a word: 银行 is yin hang, not yin xing.

    Only keywords are read in context; looking up every word of every message would be too slow.
    """
    if not _polyphones().isdisjoint(word):
        syllables = _syllable_codes()
        readings = lazy_pinyin(word, style=Style.NORMAL, v_to_u=False, errors="default")
        # pypinyin gives one reading for a run of characters that it does not know, which would
        # shift the others
        if len(readings) == len(word):
            return "".join(
                syllables.get(sound, character)
                for sound, character in zip(readings, word, strict=True)
            )
    return word.translate(_code_table())


def pair_keys(word: str, code: str) -> tuple[str, str, str]:
    """The index keys of a keyword of two characters.

    They are first character with second sound, first sound with second character, and both
    sounds. So many words of two characters sound alike that sound alone would match too much:
    one character has to be right, or both typed in pinyin (see `pair_keys_at`).
    """
    # a dictionary looked up where the automaton found something: by sound alone words of two
    # characters are found 14 times in a message at 100,000 keywords (decision 0011)
    return word[0] + code[1], code[0] + word[1], code


def pair_codes(word: str, code: str) -> tuple[str, str, str]:
    """The codes under which a typo of a keyword of two characters can be encoded.

    A message is encoded character by character, so a polyphone beside a wrong neighbour gets its
    usual reading and not the one it has in the keyword.
    """
    alone = word.translate(_code_table())
    return alone[0] + code[1], code[0] + alone[1], code


def pair_keys_at(phonetic: PhoneticText, start: int) -> Iterator[str]:
    """The keys of `pair_keys` that the two code characters from `start` on stand for."""
    left, right = phonetic.source[start], phonetic.source[start + 1]
    code = phonetic.code[start : start + 2]
    yield left + code[1]
    yield code[0] + right
    # who types both syllables in pinyin has not chosen a character, so none can be wrong
    if left.isascii() and right.isascii():
        yield code


def initials(word: str) -> str:
    """The first letters of a keyword's syllables, a usual abbreviation: 身份证 -> sfz."""
    readings = _readings()
    # a character without reading (a letter or digit) is its own first letter
    return "".join(readings.get(character, character)[0] for character in word)


def latin_runs(text: str) -> list[str]:
    """The runs of latin letters in folded text, in order."""
    return _LATIN.findall(text)


def has_latin(text: str) -> bool:
    """Whether there are latin letters, which may be pinyin."""
    return _LATIN.search(text) is not None


def is_phonetic_code(character: str) -> bool:
    """Whether a character is the code of a syllable."""
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
    # such as a web address or an encoded picture
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
    """A syllable with the distinctions removed that the local pronunciation does not make."""
    head, tail = syllable[:2], syllable[2:]
    if head in ("zh", "ch", "sh"):
        syllable = head[0] + tail
    # -ong has no counterpart without g and stays
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
    """The code character of each syllable; syllables pronounced alike share one."""
    syllables = sorted(
        {sound for sound in _readings().values() if sound.isascii()} - _INTERJECTIONS
    )
    folded = {sound: _merge_similar(sound) for sound in syllables}
    numbers = {sound: number for number, sound in enumerate(sorted(set(folded.values())))}
    return {sound: chr(_FIRST_CODE + numbers[folded[sound]]) for sound in syllables}


@cache
def _code_table() -> str:
    """A table for str.translate: at each code point its phonetic code, or the character itself.

    A string instead of a dictionary: str.translate indexes either, and the string is compact
    (about 80 kB), which keeps the lookups of a message in the processor's cache.
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
