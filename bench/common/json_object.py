"""The type of JSON objects: figures as they are written to reports, and labelled messages."""

from typing import Any

# the values are Any, because figures come back from other processes as JSON
JsonObject = dict[str, Any]
