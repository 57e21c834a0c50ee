"""Limits: numbers of the platform that changed over the years, or that a test wants smaller."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from simulator.core.errors import ActionRejected


@dataclass
class Limits:
    """Counts, seconds and bytes; see the fields. `change` takes any of them by name."""

    message_count: int = 5  # customer-service messages after a citizen's message
    message_seconds: float = 48 * 3600
    touch_count: int = 3  # … after a menu click, a follow or a scan
    touch_seconds: float = 60
    msgmenu_rule: str = "menu"  # a tapped msgmenu option opens the "menu" or the "message" window
    text_bytes: int = 2048
    callback_seconds: float = 5  # how long an answer may take
    callback_interval: float = 5  # from one attempt to the next
    callback_attempts: int = 3
    token_seconds: int = 7200
    token_overlap: int = 300  # how long an old token lives beside a new one
    forced_per_day: int = 20
    forced_interval: float = 30
    media_seconds: float = 3 * 86_400

    def update(self, values: dict[str, Any]) -> None:
        """Set some limits; an unknown name or a value of another kind changes nothing."""
        kinds: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,)}
        known = {field.name: kinds[str(field.type)] for field in fields(self)}
        for name, value in values.items():
            if not isinstance(value, known.get(name, ())) or isinstance(value, bool):
                raise ActionRejected(f"没有这个限制，或值不对：{name}")
        for name, value in values.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """All limits by name."""
        return asdict(self)
