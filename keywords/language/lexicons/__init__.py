"""Word lists: how people here speak, as data that an editor can read and extend.

    dialect.yaml      said here            -> said in the standard language
    fillers.yaml      greetings and thanks around the request
    chatter.yaml      praise, thanks, adverts: what asks for nothing; places named in passing
    emergencies.yaml  life and limb
    lookalikes.yaml   words of their own that sound like another

All words are written the way `normalize.fold` leaves them: simplified, lower case, no spaces.
The lists are read once per process.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class DialectLexicon:
    """Words to replace, longest first wins; `keep` are words that only look like one of them."""

    replacements: dict[str, str]
    protected: tuple[str, ...]


@dataclass(frozen=True)
class FillerLexicon:
    """What may stand before and after a request without belonging to it."""

    lead: tuple[str, ...]
    tail: tuple[str, ...]


@dataclass(frozen=True)
class SmallTalkLexicon:
    """The words that tell a message from a request."""

    praise: tuple[str, ...]
    elsewhere: tuple[str, ...]
    tales: tuple[str, ...]
    asking: tuple[str, ...]
    thanks: tuple[str, ...]
    adverts: tuple[str, ...]
    lures: tuple[str, ...]
    places: tuple[str, ...]
    empty: tuple[str, ...]
    particles: tuple[str, ...]


@dataclass(frozen=True)
class EmergencyLexicon:
    """Words of danger, what makes them a matter of the past, and what makes them urgent again."""

    always: tuple[str, ...]
    words: tuple[str, ...]
    together: tuple[str, ...]
    papers: tuple[str, ...]
    doubt: tuple[str, ...]
    now: tuple[str, ...]
    keep: tuple[str, ...]


@cache
def dialect() -> DialectLexicon:
    """The dialect list."""
    loaded = _read("dialect.yaml")
    return DialectLexicon(replacements=dict(loaded["says"]), protected=tuple(loaded["keep"]))


@cache
def fillers() -> FillerLexicon:
    """The filler list."""
    loaded = _read("fillers.yaml")
    return FillerLexicon(lead=tuple(loaded["lead"]), tail=tuple(loaded["tail"]))


@cache
def small_talk() -> SmallTalkLexicon:
    """The chatter list."""
    loaded = _read("small_talk.yaml")
    return SmallTalkLexicon(**{name: tuple(listed) for name, listed in loaded.items()})


@cache
def emergencies() -> EmergencyLexicon:
    """The emergency list."""
    return EmergencyLexicon(
        **{name: tuple(listed) for name, listed in _read("emergencies.yaml").items()}
    )


@cache
def lookalikes() -> frozenset[str]:
    """Words that are never a slip for another."""
    return frozenset(_read("lookalikes.yaml")["words"])


def _read(name: str) -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = yaml.safe_load((_HERE / name).read_text("utf-8"))
    return loaded
