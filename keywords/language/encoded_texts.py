"""Encoded texts: the vectors of a list of texts, made little by little and kept while texts stay.

    texts ──(those that are new)── update() ──> table ── nearest(message) ──> numbers of texts

Encoding a text takes a millisecond or more, so nothing is encoded when the list is made. Whoever
owns it calls `update` where nobody waits; a text that has no vector yet is not found.
"""

import time
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from keywords.language import meaning

if TYPE_CHECKING:
    from keywords.language.vector_table import VectorTable

# few enough that `update` does not overstay its seconds by much
_BATCH = 8


class EncodedTexts:
    """The vectors of some texts, by their number. One thread may update while others search."""

    def __init__(self, texts: Sequence[str], previous: "EncodedTexts | None" = None) -> None:
        """Without vectors, but for those of texts that `previous` has encoded."""
        self._texts = texts
        # by content, and not the texts themselves, which `previous` need not keep
        self._digests = [blake2b(text.encode(), digest_size=16).digest() for text in texts]
        self._table: VectorTable | None = None
        if previous is not None and previous._table is not None:
            rows = {digest: row for row, digest in enumerate(previous._digests)}
            self._table = meaning.load().new_table(len(texts))
            self._table.copy(
                previous._table,
                [
                    (rows[digest], number)
                    for number, digest in enumerate(self._digests)
                    if digest in rows
                ],
            )

    def update(self, *, seconds: float) -> bool:
        """Encode texts that have no vector, for about so long. Gives whether all have one now.

        The first call of a process loads the encoder.
        """
        if self._table is None:
            self._table = meaning.load().new_table(len(self._digests))
        deadline = time.monotonic() + seconds
        missing = self._table.empty_rows()
        for start in range(0, len(missing), _BATCH):
            # never before the first batch, so that every call gets on, however short of time
            if start and time.monotonic() > deadline:
                return False
            numbers = missing[start : start + _BATCH]
            vectors = meaning.load().encode([self._texts[number] for number in numbers])
            self._table.fill(numbers, vectors)
        self._texts = ()
        return True

    def nearest(self, message: str, count: int, *, also: Iterable[int] = ()) -> dict[int, float]:
        """How similar a message is to its `count` nearest texts and to those in `also`, by number.

        -1 to 1; what is unrelated lies around 0. Empty for a message the encoder cannot read.
        """
        if self._table is None or not meaning.is_readable(message):
            return {}
        vector = meaning.load().encode_message(message)
        return self._table.nearest(vector, count, also=list(also))
