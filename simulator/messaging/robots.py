"""Group robots of 企业微信 and DingTalk: which there are, and what they were given.

A robot takes twenty messages a minute. One of DingTalk may have a secret, with which each call is
signed, and a keyword, which each message must contain. Kept in memory: a developer starts anew.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections import deque
from dataclasses import dataclass, field

from simulator.core.change_signal import ChangeSignal
from simulator.core.clock import Clock
from simulator.core.errors import ActionRejected

WECOM, DINGTALK = "wecom", "dingtalk"
KINDS = (WECOM, DINGTALK)
MAX_PER_MINUTE = 20
MAX_MESSAGES = 500
# DingTalk refuses a timestamp that is further off, in milliseconds
MAX_DRIFT = 3_600_000


@dataclass
class Robot:
    """One robot; `key` is that of its address, `secret` what calls are signed with, if any."""

    kind: str
    key: str
    name: str
    secret: str = ""
    keyword: str = ""
    # unix seconds of the calls it took within the last minute
    taken_at: deque[float] = field(default_factory=deque)


@dataclass(frozen=True)
class RobotMessage:
    """A message that a robot has shown in its group; `at` in unix seconds."""

    number: int
    robot: str
    kind: str
    text: str
    at: float


class Robots:
    """All robots and the newest messages of their groups."""

    def __init__(self, clock: Clock, change_signal: ChangeSignal) -> None:
        self._clock = clock
        self._change_signal = change_signal
        self._lock = threading.Lock()
        self._messages: deque[RobotMessage] = deque(maxlen=MAX_MESSAGES)
        self._count = 0
        # there from the start, so that a developer has addresses to copy
        duty = [
            Robot(WECOM, "simulated-wecom-duty", "企业微信值班群"),
            Robot(
                DINGTALK,
                "simulated-dingtalk-duty",
                "钉钉值班群",
                secret="SECsimulated0000000000000000000000000000",
                keyword="提醒",
            ),
        ]
        self._robots = {(one.kind, one.key): one for one in duty}

    def add(self, robot: Robot) -> None:
        """Add a robot, or replace the one with this key; ActionRejected without a kind or key."""
        if robot.kind not in KINDS or not robot.key:
            raise ActionRejected("缺少 kind（wecom 或 dingtalk）或 key")
        with self._lock:
            self._robots[robot.kind, robot.key] = robot

    def list_all(self) -> list[Robot]:
        """The robots in the order in which they were added."""
        with self._lock:
            return list(self._robots.values())

    def find(self, kind: str, key: str) -> Robot | None:
        """The robot with this key, or None."""
        with self._lock:
            return self._robots.get((kind, key))

    def take(self, robot: Robot, text: str) -> bool:
        """Show a message in the group; False when the robot has had twenty within the minute."""
        now = self._clock.now()
        with self._lock:
            while robot.taken_at and robot.taken_at[0] <= now - 60:
                robot.taken_at.popleft()
            if len(robot.taken_at) >= MAX_PER_MINUTE:
                return False
            robot.taken_at.append(now)
            self._count += 1
            self._messages.append(
                RobotMessage(self._count, robot.name, robot.kind, text, self._clock.real())
            )
        self._change_signal.notify()
        return True

    def list_messages(self, *, after: int = 0) -> list[RobotMessage]:
        """The messages newer than number `after`, the oldest first."""
        with self._lock:
            return [one for one in self._messages if one.number > after]

    def clear_messages(self) -> None:
        """Forget the messages; numbering goes on."""
        with self._lock:
            self._messages.clear()


def is_signed(robot: Robot, *, timestamp: str, sign: str, now: float) -> bool:
    """Whether a call of DingTalk is signed as it must be; `now` in unix seconds.

    https://open.dingtalk.com/document/robots/customize-robot-security-settings
    """
    if not robot.secret:
        return True
    if not timestamp.isdecimal() or abs(int(timestamp) - now * 1000) > MAX_DRIFT:
        return False
    text = f"{timestamp}\n{robot.secret}".encode()
    digest = hmac.new(robot.secret.encode(), text, hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(digest).decode(), sign)
