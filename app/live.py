"""What a process keeps in memory: accounts, compiled rules, media ids, names.

    revisions move ──> Live is built anew, whole and immutable ──> swapped in one step

A thread asks for the revisions once a second, so a change is known everywhere within two. A
message asks the database for nothing. When the database is away, the last Live stays.
"""

import gc
import itertools
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from config import clock, logs, revisions
from config.database import reading, transaction
from keywords.book import Book
from keywords.replies import media_names
from keywords.rules import Reach, Rule
from matrix import accounts, blocks, callbacks, departments, media
from matrix.accounts import Connection
from matrix.departments import Tree

_log = logs.get(__name__)
_EVERY = 1.0  # seconds between two looks at the revisions
_FLUSHED = 5  # looks between two writings of what the callbacks heard


@dataclass(frozen=True)
class Live:
    """One consistent picture.

    `media` is by (account id, our name of a file), `blocked` holds (account id, openid).
    """

    revisions: Mapping[str, int]
    accounts: Mapping[str, Connection]
    book: Book
    media: Mapping[tuple[int, str], str]
    blocked: frozenset[tuple[int, str]]
    names: Mapping[int, str]
    tree: Tree

    def is_own(self, account: Connection, rule: Rule) -> bool:
        """Whether a rule is the account's own, its department's or one below."""
        if rule.account_id is not None:
            return rule.account_id == account.id
        return rule.department_id in self.tree.within(account.department_id)

    def owner(self, rule: Rule) -> str:
        """The name of the account that answers by this rule, else of its department."""
        for account in self.accounts.values():
            if rule.account_id == account.id or (
                rule.account_id is None and rule.department_id == account.department_id
            ):
                return account.name
        return self.names.get(rule.department_id or 0, "")

    @property
    def wanted_media(self) -> list[tuple[int, str]]:
        """(account id, name) of every file that an account's rules may send."""
        return [
            (account.id, name)
            for account in self.accounts.values()
            for rule in self.book.rules_of(account.id)
            for name in sorted(media_names(rule.replies))
        ]


class _Kept:
    """The Live of this process."""

    now: Live | None = None
    thread: threading.Thread | None = None
    building = threading.Lock()


def current() -> Live:
    """The picture of this moment; built at first need."""
    kept = _Kept.now
    return kept if kept is not None else refresh()


def refresh() -> Live:
    """Look at the revisions and build what moved. Returns the picture as it is now."""
    with _Kept.building:
        with reading():
            numbers = revisions.current()
            if _Kept.now is None or _Kept.now.revisions != numbers:
                _Kept.now = _build(numbers, _Kept.now, now=clock.now())
                _spare_collector()
        return _Kept.now


def _spare_collector() -> None:
    """Keep the picture out of the garbage collector's rounds; it holds no circles of its own.

    Walking a hundred thousand rules again and again would cost more than answering by them.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def forget() -> None:
    """Build anew at next need (a test moved the database)."""
    _Kept.now = None


def keep_fresh() -> None:
    """Have a thread of this process refresh the picture every second, from now on."""
    if _Kept.thread is None:
        _Kept.thread = threading.Thread(target=_refresh_for_ever, name="live", daemon=True)
        _Kept.thread.start()


def _refresh_for_ever() -> None:
    pause = threading.Event()
    for look in itertools.count(1):
        try:
            refresh()
            if look % _FLUSHED == 0:
                _write_notes()
        except SQLAlchemyError as error:
            _log.warning("live.stale", error=type(error).__name__)
        except Exception:
            # a rule that does not compile must not end the thread that would bring its mending
            _log.exception("live.failed")
        pause.wait(_EVERY)


def _write_notes() -> None:
    with transaction():
        callbacks.write()


def _build(numbers: Mapping[str, int], last: Live | None, *, now: datetime) -> Live:
    roster = accounts.roster()
    tree = departments.tree()
    book = last.book if last is not None else Book()
    return Live(
        revisions=numbers,
        accounts=roster,
        book=book.refreshed(_reaches(roster.values(), tree)),
        media=media.shelf(now=now),
        blocked=blocks.silent(),
        names=departments.names(tree.parents),
        tree=tree,
    )


def _reaches(roster: Iterable[Connection], tree: Tree) -> list[Reach]:
    return [
        Reach(
            account_id=account.id,
            own=tree.within(account.department_id),
            ancestors=tree.above(account.department_id),
        )
        for account in roster
    ]
