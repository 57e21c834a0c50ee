"""The platform: all stores of the simulator in one object.

The stores do not know each other; the API, the citizens' actions and the admin API combine them.
`lock` is held by whoever changes more than one store, because every request has its own thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from simulator.accounts.accounts import Account, Accounts
from simulator.accounts.followers import Followers
from simulator.accounts.quotas import Quotas
from simulator.accounts.tags import Tags
from simulator.accounts.tokens import Tokens
from simulator.content.media import MediaStore
from simulator.content.menus import Menus
from simulator.content.qrcodes import QrCodes
from simulator.core.change_signal import ChangeSignal
from simulator.core.clock import Clock
from simulator.core.faults import Faults
from simulator.core.limits import Limits
from simulator.core.request_log import RequestLog
from simulator.core.storage import Storage
from simulator.messaging.callbacks import Callbacks
from simulator.messaging.chats import Chats
from simulator.messaging.robots import Robots
from simulator.messaging.template_messages import Templates
from simulator.messaging.windows import Windows


class Platform:
    """One platform with its accounts and citizens."""

    def __init__(
        self, accounts: Iterable[Account], *, callback_base: str, state: Path | None
    ) -> None:
        # reentrant, because an action of a citizen takes it inside a request that already holds it
        self.lock = threading.RLock()
        self.storage = Storage(state)
        self.clock = Clock()
        self.limits = Limits()
        self.change_signal = ChangeSignal()
        self.faults = Faults()
        self.request_log = RequestLog(self.clock)
        self.accounts = Accounts(self.storage)
        # accounts of the file replace stored ones and are not stored themselves, so that an edited
        # file takes effect at the next start
        for account in accounts:
            self.accounts.add(account, persist=False)
        self.tokens = Tokens(self.clock, self.limits, self.storage)
        self.followers = Followers(self.storage)
        self.windows = Windows(self.clock, self.limits, self.storage)
        self.chats = Chats(self.clock, self.change_signal, self.storage)
        self.media = MediaStore(self.clock, self.limits, self.storage)
        self.menus = Menus(self.storage)
        self.tags = Tags(self.storage)
        self.qrcodes = QrCodes(self.clock, self.storage)
        # templates and quotas are not stored: templates get the same ids at each start, and a
        # developer does not mind call counters that begin at zero
        self.templates = Templates(self.clock)
        self.quotas = Quotas(self.clock)
        self.robots = Robots(self.clock, self.change_signal)
        self.callbacks = Callbacks(
            callback_base,
            accounts=self.accounts,
            chats=self.chats,
            clock=self.clock,
            faults=self.faults,
            request_log=self.request_log,
            limits=self.limits,
            media=self.media,
            change_signal=self.change_signal,
        )
