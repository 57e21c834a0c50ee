"""Words of the emergency lexicon in a text, by what they say and by how they sound.

    一起火锅 着货了        "一起" and "火锅" take their characters before "起火" could
                  └────> "着火" by its sound: one character is right, the other one sounds right

Categories have numbers: those of the lexicon in its order, then the same ones again for words that
only sound like one of theirs, which are weaker evidence.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick, MatchKind

from keywords.language import lexicons, phonetics
from keywords.language.lexicons import EmergencyLexicon
from keywords.language.phonetics import PhoneticText

_MIN_SOUND_LENGTH = 2


@dataclass(frozen=True, slots=True)
class WordHit:
    """A word of the lexicon at `start` of a text; `is_event` when it can be a danger itself."""

    start: int
    word: str
    categories: tuple[int, ...]
    is_event: bool


class DangerWords:
    """The compiled lexicon; immutable once made."""

    def __init__(self, lexicon: EmergencyLexicon | None = None) -> None:
        """Compile a lexicon, by default the one of the project."""
        lexicon = lexicon or lexicons.emergencies()
        self.categories = (*lexicon.events, *lexicon.context)
        self.kinds = tuple(lexicon.kinds.get(name, "") for name in self.categories)
        self._event_count = len(lexicon.events)
        self._words = _categories_of_words((*lexicon.events.values(), *lexicon.context.values()))
        listed = list(self._words)
        self._listed = [
            (word, numbers, min(numbers) < self._event_count)
            for word, numbers in self._words.items()
        ]
        self._finder = AhoCorasick(listed, matchkind=MatchKind.LeftmostLongest)
        self._sounds = [word for word, _, is_event in self._listed if is_event and _has_sound(word)]
        codes = [phonetics.encode_keyword(word) for word in self._sounds]
        self._sound_finder = AhoCorasick(codes, matchkind=MatchKind.LeftmostLongest)

    def hits(self, text: str) -> list[WordHit]:
        """The words in folded text from left to right; none overlaps another."""
        listed = self._listed
        return [
            WordHit(start, *listed[number])
            for number, start, _ in self._finder.find_matches_as_indexes(text)
        ]

    def knows(self, word: str) -> bool:
        """Whether a word is made of events of the lexicon, but for a character."""
        covered = sum(len(hit.word) for hit in self.hits(word) if hit.is_event)
        return covered >= max(2, len(word) - 1)

    def may_speak_of_danger(self, text: str) -> bool:
        """Whether a folded text has an event, or pinyin that sounds like one; cheap to ask."""
        listed = self._listed
        for number, _, _ in self._finder.find_matches_as_indexes(text):
            if listed[number][2]:
                return True
        return phonetics.has_latin(text) and any(self.sound_hits(phonetics.encode(text)))

    def sound_hits(self, phonetic: PhoneticText) -> Iterator[WordHit]:
        """Events that a text spells in pinyin or by characters that sound alike.

        A word spelt as the lexicon has it is no such hit; neither is one of which not a single
        character is right, unless all of it is pinyin.
        """
        offset = len(self.categories)
        for number, start, end in self._sound_finder.find_matches_as_indexes(phonetic.code):
            word = self._sounds[number]
            if _is_misspelling(word, phonetic.source[start:end]):
                numbers = tuple(category + offset for category in self._words[word])
                yield WordHit(start, word, numbers, True)


def _categories_of_words(groups: Iterable[Iterable[str]]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for number, words in enumerate(groups):
        for word in words:
            found[word] = (*found.get(word, ()), number)
    return found


def _has_sound(word: str) -> bool:
    return len(word) >= _MIN_SOUND_LENGTH and not word.isascii()


def _is_misspelling(word: str, source: Iterable[str]) -> bool:
    pairs = list(zip(word, source, strict=False))
    if all(right == typed for right, typed in pairs):
        return False
    if all(typed.isascii() for _, typed in pairs):
        return True
    return any(right == typed for right, typed in pairs)
