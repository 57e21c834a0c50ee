"""Chats: what the citizens' screens show.

    Citizen × Account ──< n Entry

An entry is one bubble or one grey line. `seq` grows with every new or changed entry, so a phone
asks for entries after the last `seq` it has.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from dataclasses import asdict, dataclass, field

from simulator.core.change_signal import ChangeSignal
from simulator.core.clock import Clock
from simulator.core.json_object import JsonObject
from simulator.core.storage import Storage

# a phone page loads a whole chat at once
MAX_ENTRIES = 300  # entries kept per chat


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
    body: JsonObject = field(default_factory=dict)


class Chats:
    """All entries of all chats."""

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
            # numbers go on after a restart, else open pages would wait for numbers they have
            # already seen
            self.last_seq = max(self.last_seq, entry.seq)

    def add(
        self, citizen: str, appid: str, *, side: str, kind: str, via: str, body: JsonObject
    ) -> Entry:
        """Append an entry to a chat and wake waiting phone pages."""
        with self._lock:
            self.last_seq += 1
            # the real time, because a developer compares bubbles with a watch; the virtual clock
            # only expires things
            entry = Entry(self.last_seq, appid, citizen, side, kind, via, self._clock.real(), body)
            chat = self._by_chat[citizen, appid]
            chat.append(entry)
            self._storage.put("entry", _name(entry), asdict(entry))
            if len(chat) > MAX_ENTRIES:
                self._storage.delete("entry", _name(chat.popleft()))
        self._change_signal.notify()
        return entry

    def list_entries(self, citizen: str, appid: str, *, after: int = 0) -> list[Entry]:
        """The entries of one chat with a `seq` above `after`."""
        with self._lock:
            return [one for one in self._by_chat[citizen, appid] if one.seq > after]

    def last(self, citizen: str, appid: str) -> Entry | None:
        """The newest entry of a chat, or None."""
        chat = self._by_chat.get((citizen, appid))
        return chat[-1] if chat else None


def _name(entry: Entry) -> str:
    # with leading zeros, so that the storage gives entries back in order
    return f"{entry.seq:012d}"
