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

from config import cache_versions, clock, logs
from config.database import read_only, transaction
from keywords.matching.ruleset import RuleSet
from keywords.rules.inheritance import AccountPosition
from keywords.rules.replies import media_names
from keywords.rules.values import Rule
from matrix import accounts, blocklist, departments, media
from matrix.accounts import AccountSnapshot, callback_stats
from matrix.departments import Tree

_log = logs.get_logger(__name__)
_REFRESH_SECONDS = 1.0  # seconds between two looks at the revisions
_FLUSH_EVERY = 5  # looks between two writings of what the callbacks heard
# seconds of a look for what rules mean; a change must still be known everywhere within two
_MEANING_SECONDS = 0.5


@dataclass(frozen=True)
class Snapshot:
    """One consistent picture.

    `media` is by (account id, our name of a file), `blocked` holds (account id, openid).
    """

    cache_versions: Mapping[str, int]
    accounts: Mapping[str, AccountSnapshot]
    ruleset: RuleSet
    media_ids: Mapping[tuple[int, str], str]
    blocked_followers: frozenset[tuple[int, str]]
    department_names: Mapping[int, str]
    department_tree: Tree

    def is_own(self, account: AccountSnapshot, rule: Rule) -> bool:
        """Whether a rule is the account's own, its department's or one below."""
        if rule.account_id is not None:
            return rule.account_id == account.id
        return rule.department_id in self.department_tree.within(account.department_id)

    def owner_name(self, rule: Rule) -> str:
        """The name of the account that answers by this rule, else of its department."""
        for account in self.accounts.values():
            if rule.account_id == account.id or (
                rule.account_id is None and rule.department_id == account.department_id
            ):
                return account.name
        return self.department_names.get(rule.department_id or 0, "")

    @property
    def required_media(self) -> list[tuple[int, str]]:
        """(account id, name) of every file that an account's rules may send."""
        return [
            (account.id, name)
            for account in self.accounts.values()
            for rule in self.ruleset.rules_of(account.id)
            for name in sorted(media_names(rule.replies))
        ]


class _State:
    """The Live of this process."""

    snapshot: Snapshot | None = None
    thread: threading.Thread | None = None
    build_lock = threading.Lock()
    has_meanings = True


def current() -> Snapshot:
    """The picture of this moment; built at first need."""
    current_snapshot = _State.snapshot
    return current_snapshot if current_snapshot is not None else refresh()


def refresh() -> Snapshot:
    """Look at the revisions and build what moved. Returns the picture as it is now."""
    with _State.build_lock:
        with read_only():
            versions = cache_versions.current()
            if _State.snapshot is None or _State.snapshot.cache_versions != versions:
                _State.snapshot = _build(versions, _State.snapshot, now=clock.now())
                _freeze_garbage_collector()
        return _State.snapshot


def _freeze_garbage_collector() -> None:
    """Keep the picture out of the garbage collector's rounds; it holds no circles of its own.

    Walking a hundred thousand rules again and again would cost more than answering by them.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def reset() -> None:
    """Build anew at next need (a test moved the database)."""
    _State.snapshot = None


def start_refresher() -> None:
    """Have a thread of this process refresh the picture every second, from now on."""
    if _State.thread is None:
        _State.thread = threading.Thread(target=_refresh_loop, name="live", daemon=True)
        _State.thread.start()


def _refresh_loop() -> None:
    pause = threading.Event()
    for look in itertools.count(1):
        try:
            ruleset = refresh().ruleset
            if _State.has_meanings:
                _update_meanings(ruleset)
            if look % _FLUSH_EVERY == 0:
                _flush_callback_stats()
        except SQLAlchemyError as error:
            _log.warning("snapshot.stale", error=type(error).__name__)
        except Exception:
            # a rule that does not compile must not end the thread that would bring its mending
            _log.exception("snapshot.refresh_failed")
        pause.wait(_REFRESH_SECONDS)


def _update_meanings(ruleset: RuleSet) -> None:
    try:
        ruleset.update_meanings(seconds=_MEANING_SECONDS)
    except Exception:
        # suggestions go on by words alone; trying again each second would load the model each time
        _log.exception("snapshot.meanings_failed")
        _State.has_meanings = False


def _flush_callback_stats() -> None:
    with transaction():
        callback_stats.flush()


def _build(versions: Mapping[str, int], previous: Snapshot | None, *, now: datetime) -> Snapshot:
    accounts_by_appid = accounts.snapshots()
    tree = departments.tree()
    ruleset = previous.ruleset if previous is not None else RuleSet()
    return Snapshot(
        cache_versions=versions,
        accounts=accounts_by_appid,
        ruleset=ruleset.reloaded(_account_scopes(accounts_by_appid.values(), tree)),
        media_ids=media.media_ids(now=now),
        blocked_followers=blocklist.blocked_pairs(),
        department_names=departments.names(tree.parents),
        department_tree=tree,
    )


def _account_scopes(
    accounts_by_appid: Iterable[AccountSnapshot], tree: Tree
) -> list[AccountPosition]:
    return [
        AccountPosition(
            account_id=account.id,
            own_and_below=tree.within(account.department_id),
            ancestors=tree.above(account.department_id),
        )
        for account in accounts_by_appid
    ]
