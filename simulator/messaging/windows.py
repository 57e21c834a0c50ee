"""Reply windows: how many customer-service messages an account may still send to a follower.

A message of the citizen allows five messages within 48 hours; a menu click, a follow or a scan
allows three within a minute. A new message starts its count again and closes the short window; an
interaction opens a short window beside the long one, and sending uses that first.
(WeChat: 客服消息 / 下发规则; the numbers are in `core.limits`.)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from simulator.core.clock import Clock
from simulator.core.errors import ApiError
from simulator.core.limits import Limits
from simulator.core.storage import Storage


@dataclass
class Window:
    """Times of the last actions in virtual unix seconds (0: never), and how much was sent since."""

    name: str
    message_at: float = 0.0
    message_sent: int = 0
    touch_at: float = 0.0
    touch_sent: int = 0
    active_at: float = 0.0
    typing_until: float = 0.0


class Windows:
    """The window of every (account, openid)."""

    def __init__(self, clock: Clock, limits: Limits, storage: Storage) -> None:
        self._clock = clock
        self._limits = limits
        self._storage = storage
        self._by_name = {body["name"]: Window(**body) for body in storage.load_all("window")}

    def record_message(self, appid: str, openid: str) -> None:
        """The citizen sent a message."""
        window = self._window(appid, openid)
        window.message_at = window.active_at = self._clock.now()
        window.message_sent = 0
        # the new message gives more than the short window that it replaces
        window.touch_at = 0.0
        self._save(window)

    def record_interaction(self, appid: str, openid: str) -> None:
        """The citizen clicked a menu button, followed or scanned."""
        window = self._window(appid, openid)
        window.touch_at = window.active_at = self._clock.now()
        window.touch_sent = 0
        self._save(window)

    def close(self, appid: str, openid: str) -> None:
        """The citizen unfollowed: nothing may be sent."""
        self._by_name.pop(f"{appid}/{openid}", None)
        self._storage.delete("window", f"{appid}/{openid}")

    def consume(self, appid: str, openid: str) -> None:
        """Count one customer-service message; 45015 when closed, 45047 when used up."""
        window = self._window(appid, openid)
        message, touch = self._open_windows(window)
        if touch and window.touch_sent < self._limits.touch_count:
            window.touch_sent += 1
        elif message and window.message_sent < self._limits.message_count:
            window.message_sent += 1
        # open but used up; a caller must tell this from "closed", because 45047 ends with the
        # citizen's next action
        elif message or touch:
            raise ApiError(45047, "out of response count limit")
        else:
            raise ApiError(45015, "response out of time limit or subscription is canceled")
        # a message ends the typing indicator on the phone
        window.typing_until = 0.0
        self._save(window)

    def remaining(self, appid: str, openid: str) -> dict[str, float]:
        """What is still allowed: `count` messages; the longer window closes in `seconds`."""
        window = self._window(appid, openid)
        message, touch = self._open_windows(window)
        now = self._clock.now()
        ends = [window.message_at + self._limits.message_seconds - now] if message else []
        ends += [window.touch_at + self._limits.touch_seconds - now] if touch else []
        count = max(0, self._limits.message_count - window.message_sent) if message else 0
        count += max(0, self._limits.touch_count - window.touch_sent) if touch else 0
        return {"count": count, "seconds": round(max(ends, default=0))}

    def start_typing(self, appid: str, openid: str) -> None:
        """Show the typing indicator; 45080 without a recent action, 45081 when it is on."""
        window, now = self._window(appid, openid), self._clock.now()
        # WeChat's page 客服输入状态: an exchange within the last 30 seconds is needed, the
        # indicator lasts for 15, and a message ends it
        if now - window.active_at > 30:
            raise ApiError(45080, "the user has not interacted in the last 30 seconds")
        if window.typing_until > now:
            raise ApiError(45081, "already typing")
        window.typing_until = now + 15

    def stop_typing(self, appid: str, openid: str) -> None:
        """Hide the typing indicator."""
        self._window(appid, openid).typing_until = 0.0

    def is_typing(self, appid: str, openid: str) -> bool:
        """Whether the phone shows the indicator now."""
        return self._window(appid, openid).typing_until > self._clock.now()

    def _open_windows(self, window: Window) -> tuple[bool, bool]:
        now = self._clock.now()
        return (
            window.message_at > 0 and now - window.message_at <= self._limits.message_seconds,
            window.touch_at > 0 and now - window.touch_at <= self._limits.touch_seconds,
        )

    def _window(self, appid: str, openid: str) -> Window:
        name = f"{appid}/{openid}"
        return self._by_name.setdefault(name, Window(name))

    def _save(self, window: Window) -> None:
        self._storage.put("window", window.name, asdict(window))
