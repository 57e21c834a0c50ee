"""Question meanings: the cluster of an account that asks the same as a message in other words.

Used behind `similarity`, for messages that share no words with any cluster. The vectors of an
account's clusters stay in the memory of the process between two runs of the job, since encoding
three thousand questions takes seconds.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from keywords.language import meaning
from keywords.language.encoded_texts import EncodedTexts

if TYPE_CHECKING:
    from keywords.language.vector_table import Vectors

# Measured on the labelled messages: of pairs put together by this alone, four of five are meant for
# the same rule, and twice as many messages as by words alone are in a cluster with others.
MIN_SIMILARITY = 0.6
# In characters. Of a shorter message ("嗯", "老师好") the encoder sees only that it is short.
MIN_LENGTH = 4
# for what is new since the last run; what is left over is found in the next one
_UPDATE_SECONDS = 2.0

# by account
_encoded: dict[int, EncodedTexts] = {}


class QuestionMeanings:
    """Clusters of one account by what they ask, for one run; each has a key of the caller's."""

    def __init__(self, account_id: int, keys: Sequence[int], texts: Sequence[str]) -> None:
        """Take clusters that are stored, and encode those that are new, for some seconds."""
        self._keys = keys
        self._stored = EncodedTexts(texts, _encoded.get(account_id))
        self._stored.update(seconds=_UPDATE_SECONDS)
        _encoded[account_id] = self._stored
        self._new: list[tuple[int, Vectors]] = []

    def add(self, key: int, text: str) -> None:
        """Add a cluster that began in this run."""
        if _is_comparable(text):
            self._new.append((key, meaning.load().encode_message(text)))

    def find_closest(self, text: str) -> int | None:
        """The key of the cluster most similar to a text in normal form, or None."""
        if not _is_comparable(text):
            return None
        vector = meaning.load().encode_message(text)
        found = [
            (similarity, self._keys[number])
            for number, similarity in self._stored.nearest(text, 1).items()
        ]
        found += [(float(vector @ other), key) for key, other in self._new]
        similarity, key = max(found, default=(0.0, 0))
        return key if similarity >= MIN_SIMILARITY else None


def _is_comparable(text: str) -> bool:
    return len(text) >= MIN_LENGTH and meaning.is_readable(text)
