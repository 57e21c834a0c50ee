"""World: everything the simulator knows, in one place.

The stores do not know each other; the API, the citizens' acts and the control routes join them
here. `lock` is held by whoever changes more than one store.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from simulator.accounts import Account, Accounts
from simulator.callbacks import Callbacks
from simulator.chats import Chats
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.followers import Followers
from simulator.journal import Journal
from simulator.limits import Limits
from simulator.media import MediaStore
from simulator.menus import Menus
from simulator.notices import Notices
from simulator.pulse import Pulse
from simulator.qrcodes import QrCodes
from simulator.quotas import Quotas
from simulator.shelf import Shelf
from simulator.tags import Tags
from simulator.tokens import Tokens
from simulator.windows import Windows


class World:
    """One platform with its accounts and citizens."""

    def __init__(
        self, accounts: Iterable[Account], *, callback_base: str, state: Path | None
    ) -> None:
        self.lock = threading.RLock()
        self.shelf = Shelf(state)
        self.clock = Clock()
        self.limits = Limits()
        self.pulse = Pulse()
        self.faults = Faults()
        self.journal = Journal(self.clock)
        self.accounts = Accounts(self.shelf)
        for account in accounts:
            self.accounts.add(account, keep=False)
        self.tokens = Tokens(self.clock, self.limits, self.shelf)
        self.followers = Followers(self.shelf)
        self.windows = Windows(self.clock, self.limits, self.shelf)
        self.chats = Chats(self.clock, self.pulse, self.shelf)
        self.media = MediaStore(self.clock, self.limits, self.shelf)
        self.menus = Menus(self.shelf)
        self.tags = Tags(self.shelf)
        self.qrcodes = QrCodes(self.clock, self.shelf)
        self.notices = Notices(self.clock)
        self.quotas = Quotas(self.clock)
        self.callbacks = Callbacks(
            callback_base,
            accounts=self.accounts,
            chats=self.chats,
            clock=self.clock,
            faults=self.faults,
            journal=self.journal,
            limits=self.limits,
            media=self.media,
            pulse=self.pulse,
        )
