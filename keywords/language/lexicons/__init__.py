"""Word lists of the local language, kept as YAML that somebody without Python can extend.

    dialect.yaml      dialect words and their standard equivalents
    fillers.yaml      greetings and thanks around a request
    small_talk.yaml   praise, thanks, stories, advertisements; question words and stop words
    emergencies.yaml  words about danger, by category
    lookalikes.yaml   words that sound like a keyword but are words in their own right
    typical_messages.yaml   whole messages of an ordinary day, for the sentence encoder

All words are written as `normalize.fold` leaves them: simplified, lower case, without spaces; a
word written otherwise would never be found. Each list is read once per process.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class DialectLexicon:
    """Words to replace, the longest first; `protected` contain one of them by chance."""

    replacements: dict[str, str]
    protected: tuple[str, ...]


@dataclass(frozen=True)
class FillerLexicon:
    """Words before (`lead`) and after (`tail`) a request that do not belong to it."""

    lead: tuple[str, ...]
    tail: tuple[str, ...]


@dataclass(frozen=True)
class NoiseLexicon:
    """What a message carries beside its words; each list is explained in the YAML."""

    smiley_codes: tuple[str, ...]
    smiley_names: tuple[str, ...]
    placeholders: tuple[str, ...]
    account_cities: tuple[str, ...]
    account_units: tuple[str, ...]


@dataclass(frozen=True)
class SmallTalkLexicon:
    """Words by which a request is told from small talk; each list is explained in the YAML."""

    praise: tuple[str, ...]
    fiction: tuple[str, ...]
    narration: tuple[str, ...]
    question_words: tuple[str, ...]
    asking: tuple[str, ...]
    problems: tuple[str, ...]
    not_asking: tuple[str, ...]
    topics: tuple[str, ...]
    clear_characters: tuple[str, ...]
    clear_offers: tuple[str, ...]
    offers: tuple[str, ...]
    scam_reports: tuple[str, ...]
    location_suffixes: tuple[str, ...]
    stop_words: tuple[str, ...]
    particles: tuple[str, ...]


@dataclass(frozen=True)
class SmallTalkKindsLexicon:
    """What whole messages of small talk consist of; each list is explained in the YAML.

    `words` are by kind, in the order in which the kinds win.
    """

    words: dict[str, tuple[str, ...]]
    address: tuple[str, ...]
    occasions: tuple[str, ...]
    connecting: tuple[str, ...]


@dataclass(frozen=True)
class ScopeLexicon:
    """Words by which a message limits what it asks about; each list is explained in the YAML."""

    denials: tuple[str, ...]
    refusals: tuple[str, ...]
    instead: tuple[str, ...]
    done: tuple[str, ...]
    withdrawals: tuple[str, ...]
    withdrawn_verbs: tuple[str, ...]
    own_verbs: tuple[str, ...]
    object_verbs: tuple[str, ...]
    withdrawn: tuple[str, ...]
    open: tuple[str, ...]
    unsolved: tuple[str, ...]
    fraud_doubts: tuple[str, ...]
    fraud_signs: tuple[str, ...]
    local: tuple[str, ...]
    towards_place: tuple[str, ...]
    places: tuple[str, ...]


@dataclass(frozen=True)
class EmergencyLexicon:
    """Words about danger by category; `events` can be a danger themselves, `context` says how.

    `kinds` names the kind of danger that each category of events speaks for. `alone` are words by
    kind that are certain where they make up a clause, with only `lead` and `trail` around them.
    """

    events: dict[str, tuple[str, ...]]
    kinds: dict[str, str]
    context: dict[str, tuple[str, ...]]
    alone: dict[str, tuple[str, ...]]
    lead: tuple[str, ...]
    trail: tuple[str, ...]


@cache
def dialect() -> DialectLexicon:
    """The dialect list."""
    # not checked here: a test holds these words to the form that `fold` leaves
    loaded = _read("dialect.yaml")
    return DialectLexicon(
        replacements=dict(loaded["replacements"]), protected=tuple(loaded["protected"])
    )


@cache
def fillers() -> FillerLexicon:
    """The filler list."""
    loaded = _read("fillers.yaml")
    return FillerLexicon(lead=tuple(loaded["lead"]), tail=tuple(loaded["tail"]))


@cache
def noise() -> NoiseLexicon:
    """The list of smileys, placeholders and names of accounts."""
    return NoiseLexicon(**{name: tuple(listed) for name, listed in _read("noise.yaml").items()})


@cache
def small_talk() -> SmallTalkLexicon:
    """The small talk list."""
    loaded = _read("small_talk.yaml")
    # by name, so that a list that the file lacks or the class does not know is an error
    return SmallTalkLexicon(**{name: tuple(listed) for name, listed in loaded.items()})


@cache
def small_talk_kinds() -> SmallTalkKindsLexicon:
    """The words of each kind of small talk."""
    loaded = _load("small_talk_kinds.yaml")
    return SmallTalkKindsLexicon(
        words={kind: tuple(entry["words"]) for kind, entry in loaded["kinds"].items()},
        address=tuple(loaded["address"]),
        occasions=tuple(loaded["occasions"]),
        connecting=tuple(loaded["connecting"]),
    )


@cache
def scope() -> ScopeLexicon:
    """The lists of denials, of what is over, of frauds and of places."""
    return ScopeLexicon(**{name: tuple(listed) for name, listed in _read("scope.yaml").items()})


@cache
def emergencies() -> EmergencyLexicon:
    """The emergency list."""
    loaded: dict[str, Any] = _read("emergencies.yaml")
    events = loaded["events"]
    return EmergencyLexicon(
        events={name: tuple(listed["words"]) for name, listed in events.items()},
        kinds={name: listed["kind"] for name, listed in events.items()},
        context={name: tuple(words) for name, words in loaded["context"].items()},
        alone={kind: tuple(words) for kind, words in loaded["alone"]["words"].items()},
        lead=tuple(loaded["alone"]["lead"]),
        trail=tuple(loaded["alone"]["trail"]),
    )


@cache
def lookalikes() -> frozenset[str]:
    """Words that are never a typo of another."""
    return frozenset(_read("lookalikes.yaml")["words"])


@cache
def typical_messages() -> tuple[str, ...]:
    """Messages as citizens write them, in their original form."""
    return tuple(_read("typical_messages.yaml")["messages"])


def any_of(words: Iterable[str]) -> re.Pattern[str]:
    """A pattern that matches any of the words, the longest where several begin together.

    Regular expressions take the first alternative that fits, so the longest is written first.
    """
    return re.compile("|".join(sorted(map(re.escape, words), key=len, reverse=True)))


def _read(name: str) -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = _load(name)
    return loaded


def _load(name: str) -> Any:
    return yaml.safe_load((_HERE / name).read_text("utf-8"))
