"""Chats: what stands on the citizens' screens.

    Citizen × Account ──< n Entry

An entry is one bubble or one grey line. `seq` grows with every new or changed entry, so a phone
asks for what came after the last one it has seen.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from dataclasses import asdict, dataclass, field
from typing import Any

from simulator.clock import Clock
from simulator.pulse import Pulse
from simulator.shelf import Shelf

KEPT = 300  # entries per chat


@dataclass
class Entry:
    """One bubble. side: me, them or system; via: sent, reply, custom, template, notice, note."""

    seq: int
    appid: str
    citizen: str
    side: str
    kind: str
    via: str
    at: float
    body: dict[str, Any] = field(default_factory=dict)


class Chats:
    """All entries, newest last."""

    def __init__(self, clock: Clock, pulse: Pulse, shelf: Shelf) -> None:
        self._clock = clock
        self._pulse = pulse
        self._shelf = shelf
        self._lock = threading.Lock()
        self.newest = 0
        self._by_chat: dict[tuple[str, str], deque[Entry]] = defaultdict(deque)
        for body in shelf.all("entry"):
            entry = Entry(**body)
            self._by_chat[entry.citizen, entry.appid].append(entry)
            self.newest = max(self.newest, entry.seq)

    def add(
        self, citizen: str, appid: str, *, side: str, kind: str, via: str, body: dict[str, Any]
    ) -> Entry:
        """Put an entry at the end of the chat and wake the phone."""
        with self._lock:
            self.newest += 1
            entry = Entry(self.newest, appid, citizen, side, kind, via, self._clock.real(), body)
            chat = self._by_chat[citizen, appid]
            chat.append(entry)
            self._shelf.put("entry", _name(entry), asdict(entry))
            if len(chat) > KEPT:
                self._shelf.drop("entry", _name(chat.popleft()))
        self._pulse.beat()
        return entry

    def of(self, citizen: str, appid: str, *, after: int = 0) -> list[Entry]:
        """The entries of one chat that are newer than `after`."""
        with self._lock:
            return [one for one in self._by_chat[citizen, appid] if one.seq > after]

    def last(self, citizen: str, appid: str) -> Entry | None:
        """The newest entry of a chat."""
        chat = self._by_chat.get((citizen, appid))
        return chat[-1] if chat else None


def _name(entry: Entry) -> str:
    return f"{entry.seq:012d}"
