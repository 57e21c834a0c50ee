"""Windows: how many customer-service messages an account may still send to a follower.

A message of the citizen allows five within 48 hours; a menu click, a follow or a scan allows three
within a minute. A message starts its count again and ends a short allowance; a touch opens a short
one beside it, and a send uses that first.
(WeChat: 客服消息 / 下发规则; the numbers are in `limits`.)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from simulator.clock import Clock
from simulator.errors import Refused
from simulator.limits import Limits
from simulator.shelf import Shelf


@dataclass
class Window:
    """Last actions in virtual unix seconds (0: never), and what was sent since."""

    name: str
    message_at: float = 0.0
    message_sent: int = 0
    touch_at: float = 0.0
    touch_sent: int = 0
    active_at: float = 0.0
    typing_until: float = 0.0


class Windows:
    """The window of every (account, openid)."""

    def __init__(self, clock: Clock, limits: Limits, shelf: Shelf) -> None:
        self._clock = clock
        self._limits = limits
        self._shelf = shelf
        self._by_name = {body["name"]: Window(**body) for body in shelf.all("window")}

    def messaged(self, appid: str, openid: str) -> None:
        """The citizen sent a message."""
        window = self._window(appid, openid)
        window.message_at = window.active_at = self._clock.now()
        window.message_sent = 0
        window.touch_at = 0.0
        self._keep(window)

    def touched(self, appid: str, openid: str) -> None:
        """The citizen clicked a menu button, followed or scanned."""
        window = self._window(appid, openid)
        window.touch_at = window.active_at = self._clock.now()
        window.touch_sent = 0
        self._keep(window)

    def close(self, appid: str, openid: str) -> None:
        """The citizen unfollowed: nothing may be sent."""
        self._by_name.pop(f"{appid}/{openid}", None)
        self._shelf.drop("window", f"{appid}/{openid}")

    def use(self, appid: str, openid: str) -> None:
        """Count one customer-service message; 45015 when closed, 45047 when used up."""
        window = self._window(appid, openid)
        message, touch = self._open(window)
        if touch and window.touch_sent < self._limits.touch_count:
            window.touch_sent += 1
        elif message and window.message_sent < self._limits.message_count:
            window.message_sent += 1
        elif message or touch:
            raise Refused(45047, "out of response count limit")
        else:
            raise Refused(45015, "response out of time limit or subscription is canceled")
        window.typing_until = 0.0
        self._keep(window)

    def left(self, appid: str, openid: str) -> dict[str, float]:
        """What is still allowed: `count` messages, the longer window ends in `seconds`."""
        window = self._window(appid, openid)
        message, touch = self._open(window)
        now = self._clock.now()
        ends = [window.message_at + self._limits.message_seconds - now] if message else []
        ends += [window.touch_at + self._limits.touch_seconds - now] if touch else []
        count = max(0, self._limits.message_count - window.message_sent) if message else 0
        count += max(0, self._limits.touch_count - window.touch_sent) if touch else 0
        return {"count": count, "seconds": round(max(ends, default=0))}

    def type(self, appid: str, openid: str) -> None:
        """Show the typing indicator; 45080 without a recent action, 45081 when it is on."""
        window, now = self._window(appid, openid), self._clock.now()
        if now - window.active_at > 30:
            raise Refused(45080, "the user has not interacted in the last 30 seconds")
        if window.typing_until > now:
            raise Refused(45081, "already typing")
        window.typing_until = now + 15

    def stop_typing(self, appid: str, openid: str) -> None:
        """Take the typing indicator away."""
        self._window(appid, openid).typing_until = 0.0

    def is_typing(self, appid: str, openid: str) -> bool:
        """Whether the phone shows the indicator now."""
        return self._window(appid, openid).typing_until > self._clock.now()

    def _open(self, window: Window) -> tuple[bool, bool]:
        now = self._clock.now()
        return (
            window.message_at > 0 and now - window.message_at <= self._limits.message_seconds,
            window.touch_at > 0 and now - window.touch_at <= self._limits.touch_seconds,
        )

    def _window(self, appid: str, openid: str) -> Window:
        name = f"{appid}/{openid}"
        return self._by_name.setdefault(name, Window(name))

    def _keep(self, window: Window) -> None:
        self._shelf.put("window", window.name, asdict(window))
