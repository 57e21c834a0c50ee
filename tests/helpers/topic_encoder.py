"""An encoder that knows three topics, and of everything else only the characters."""

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from keywords.language.vector_table import Vectors, unit_rows

TOPICS = (("宠物", "狗", "喵星人"), ("路灯", "黑灯瞎火"), ("停水", "水龙头", "一滴都不出"))
_CHARACTERS = 61  # dimensions
_TOPIC_WEIGHT = 9.0  # more than the characters of a short text together


class TopicEncoder:
    """A `meaning.SentenceEncoder`; `encoded` counts the texts it was given since it was made."""

    encoded = 0

    def __init__(self) -> None:
        type(self).encoded = 0

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One unit vector for each text."""
        type(self).encoded += len(texts)
        vectors = np.zeros((len(texts), len(TOPICS) + _CHARACTERS), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for topic, words in enumerate(TOPICS):
                vector[topic] = _TOPIC_WEIGHT * any(word in text for word in words)
            for character in text:
                vector[len(TOPICS) + crc32(character.encode()) % _CHARACTERS] += 1
        return unit_rows(vectors)
