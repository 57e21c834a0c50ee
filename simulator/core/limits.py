"""Limits of the platform that changed over the years, or that tests make smaller."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from simulator.core.errors import ActionRejected
from simulator.core.json_object import JsonObject


@dataclass
class Limits:
    """Counts, seconds and bytes, as each field says; `update` sets any of them by name."""

    # older documentation and most articles say 20 messages, the present documentation 5
    message_count: int = 5  # customer-service messages after a citizen's message
    message_seconds: float = 48 * 3600
    touch_count: int = 3  # … after a menu click, a follow or a scan
    touch_seconds: float = 60
    # only one source says that a tapped option counts as a menu click, hence this switch
    msgmenu_rule: str = "menu"  # a tapped msgmenu option opens the "menu" or the "message" window
    # the present documentation gives no number; 2048 bytes is what SDKs have found
    text_bytes: int = 2048
    callback_seconds: float = 5  # seconds within which an account has to answer a push
    callback_interval: float = 5  # seconds between the attempts to deliver a push
    callback_attempts: int = 3
    token_seconds: int = 7200
    token_overlap: int = 300  # seconds that a replaced token stays valid
    forced_per_day: int = 20
    forced_interval: float = 30
    media_seconds: float = 3 * 86_400

    def update(self, values: JsonObject) -> None:
        """Set some limits; ActionRejected, and no change at all, for a wrong name or type."""
        # the types of fields are texts here, because of `from __future__ import annotations`
        kinds: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,)}
        known = {field.name: kinds[str(field.type)] for field in fields(self)}
        for name, value in values.items():
            # bool is a subclass of int, so `true` would pass as the number 1
            if not isinstance(value, known.get(name, ())) or isinstance(value, bool):
                raise ActionRejected(f"没有这个限制，或值不对：{name}")
        # a second loop, so that a wrong name at the end leaves nothing half changed
        for name, value in values.items():
            setattr(self, name, value)

    def as_dict(self) -> JsonObject:
        """All limits by name."""
        return asdict(self)
