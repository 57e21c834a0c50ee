"""World: everything the simulator knows, in one place.

The stores do not know each other; the API, the citizens' acts and the control routes join them
here. `lock` is held by whoever changes more than one store.
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
from simulator.messaging.template_messages import Templates
from simulator.messaging.windows import Windows


class Platform:
    """One platform with its accounts and citizens."""

    def __init__(
        self, accounts: Iterable[Account], *, callback_base: str, state: Path | None
    ) -> None:
        self.lock = threading.RLock()
        self.storage = Storage(state)
        self.clock = Clock()
        self.limits = Limits()
        self.change_signal = ChangeSignal()
        self.faults = Faults()
        self.request_log = RequestLog(self.clock)
        self.accounts = Accounts(self.storage)
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
        self.templates = Templates(self.clock)
        self.quotas = Quotas(self.clock)
        self.callbacks = Callbacks(
            callback_base,
            accounts=self.accounts,
            chats=self.chats,
            clock=self.clock,
            faults=self.faults,
            journal=self.request_log,
            limits=self.limits,
            media=self.media,
            pulse=self.change_signal,
        )
