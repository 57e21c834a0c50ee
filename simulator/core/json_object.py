"""The type of JSON objects: requests, answers, and the documents of the storage."""

from typing import Any

# the values are Any, because a caller may send anything: whoever reads one checks its type first
JsonObject = dict[str, Any]
