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

from simulator.core.change_signal import ChangeSignal
from simulator.core.clock import Clock
from simulator.core.storage import Storage

MAX_ENTRIES = 300  # entries per chat


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

    def __init__(self, clock: Clock, change_signal: ChangeSignal, storage: Storage) -> None:
        self._clock = clock
        self._change_signal = change_signal
        self._storage = storage
        self._lock = threading.Lock()
        self.last_seq = 0
        self._by_chat: dict[tuple[str, str], deque[Entry]] = defaultdict(deque)
        for body in storage.load_all("entry"):
            entry = Entry(**body)
            self._by_chat[entry.citizen, entry.appid].append(entry)
            self.last_seq = max(self.last_seq, entry.seq)

    def add(
        self, citizen: str, appid: str, *, side: str, kind: str, via: str, body: dict[str, Any]
    ) -> Entry:
        """Put an entry at the end of the chat and wake the phone."""
        with self._lock:
            self.last_seq += 1
            entry = Entry(self.last_seq, appid, citizen, side, kind, via, self._clock.real(), body)
            chat = self._by_chat[citizen, appid]
            chat.append(entry)
            self._storage.put("entry", _name(entry), asdict(entry))
            if len(chat) > MAX_ENTRIES:
                self._storage.delete("entry", _name(chat.popleft()))
        self._change_signal.notify()
        return entry

    def list_entries(self, citizen: str, appid: str, *, after: int = 0) -> list[Entry]:
        """The entries of one chat that are newer than `after`."""
        with self._lock:
            return [one for one in self._by_chat[citizen, appid] if one.seq > after]

    def last(self, citizen: str, appid: str) -> Entry | None:
        """The newest entry of a chat."""
        chat = self._by_chat.get((citizen, appid))
        return chat[-1] if chat else None


def _name(entry: Entry) -> str:
    return f"{entry.seq:012d}"
