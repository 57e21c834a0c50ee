"""Sentence encoders for the tests that ask for one; all others run without (conftest.py)."""

from collections.abc import Callable, Iterator

import pytest

from config import settings
from keywords.language import meaning
from keywords.statistics import question_meanings

UseEncoder = Callable[[str], None]

# by name, as a city would give it: importing it imports numpy
TOPIC_ENCODER = "tests.helpers.topic_encoder:TopicEncoder"


@pytest.fixture
def use_encoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[UseEncoder]:
    """Gives what sets `SENTENCE_ENCODER` for this test."""

    def use(name: str) -> None:
        monkeypatch.setenv("SENTENCE_ENCODER", name)
        settings.reset()
        _forget()

    yield use
    _forget()


@pytest.fixture
def topic_encoder(use_encoder: UseEncoder) -> None:
    """A tiny encoder of three topics: see `tests/helpers/topic_encoder.py`."""
    use_encoder(TOPIC_ENCODER)


def _forget() -> None:
    meaning.load.reset()
    question_meanings._encoded.clear()
