"""Meaning: vectors of texts, close together where the texts say the same in other words.

    SENTENCE_ENCODER = module:name ──> load() ──> Meaning.encode(texts): one unit vector a text
                       off         ──> is_enabled() is False, and neither numpy nor a model is
                                       ever imported

The model stands behind `SentenceEncoder`; decision 0017 says which one we ship and why. Two texts
are compared by the dot product of their vectors, from -1 to 1.
"""

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from config import settings
from config.lazy import Lazy
from keywords.language import lexicons

if TYPE_CHECKING:
    from keywords.language.vector_table import Vectors, VectorTable

OFF = "off"
# In characters. Long messages put the question first and the story behind it.
MAX_MESSAGE_LENGTH = 60
_LATIN = re.compile("[a-z]", re.IGNORECASE)
# an abbreviation among three characters ("办etc要啥") is still read
_MAX_LATIN_SHARE = 1 / 2
# many citizens send the same short messages; two kilobytes each
_KEPT_MESSAGES = 1024


class SentenceEncoder(Protocol):
    """What `SENTENCE_ENCODER` names gives one of these when it is called without arguments.

    It is made once per process and called by several threads at once.
    """

    def encode(self, texts: Sequence[str]) -> "Vectors":
        """One unit vector for each text, as float32 of shape (number of texts, dimensions)."""


class Meaning:
    """The sentence encoder of this process, without what all messages have in common.

    Every message says "somebody asks an office for something", so to an encoder all are rather
    alike. The mean of typical messages (`lexicons/typical_messages.yaml`) is taken away from every
    vector; decision 0017 measures what that gives.
    """

    def __init__(self, encoder: SentenceEncoder, tables: ModuleType) -> None:
        """`tables` is the module of `VectorTable`, which is imported only together with numpy."""
        self._encoder = encoder
        self._tables: Any = tables
        self._common = encoder.encode(lexicons.typical_messages()).mean(axis=0)
        self._encode_one = lru_cache(_KEPT_MESSAGES)(self._encode_uncached)

    def encode(self, texts: Sequence[str]) -> "Vectors":
        """One unit vector for each text, as float32 of shape (number of texts, dimensions)."""
        vectors: Vectors = self._tables.unit_rows(self._encoder.encode(texts) - self._common)
        return vectors

    def encode_message(self, message: str) -> "Vectors":
        """The unit vector of the beginning of a message, as float32; not to be changed."""
        return self._encode_one(message[:MAX_MESSAGE_LENGTH])

    def _encode_uncached(self, text: str) -> "Vectors":
        vector: Vectors = self.encode([text])[0]
        return vector

    def new_table(self, rows: int) -> "VectorTable":
        """A table for the vectors of so many texts, still empty."""
        table: VectorTable = self._tables.VectorTable(rows, len(self._common))
        return table


def is_readable(message: str) -> bool:
    """Whether an encoder sees what a message means.

    Of pinyin it sees only that it is pinyin: all such messages would be alike.
    """
    return len(_LATIN.findall(message)) <= len(message) * _MAX_LATIN_SHARE


def is_enabled() -> bool:
    """Whether this hub has a sentence encoder at all."""
    return settings.get().sentence_encoder != OFF


@Lazy
def load() -> Meaning:
    """The meaning of this process; the first call takes seconds, so no request may be that call.

    Raises ImportError or AttributeError when `SENTENCE_ENCODER` names nothing that can be imported.
    """
    # A sentence is too little work to share: the threads of OpenBLAS would spend more time waiting
    # for each other than on it (36 ms instead of 4). It reads this only when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # By name, and here: both import numpy, which must cost nothing where the encoder is off.
    tables = import_module("keywords.language.vector_table")
    module, _, name = settings.get().sentence_encoder.partition(":")
    return Meaning(getattr(import_module(module), name)(), tables)
