"""Snapshots: accounts, compiled rules, media ids, departments and guides, held in memory by each
process.

    a cache version moves ──> a new Snapshot is built, immutable ──> replaces the old one

A thread reads the cache versions once a second, so a change is in use everywhere within about two
seconds (docs/decisions/0003). Answering a message therefore needs no query. While the database is
unavailable, the last snapshot stays in use.
"""

import gc
import itertools
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from app.directory import Directory
from config import cache_versions, clock, logs
from config.database import read_only, transaction
from keywords.matching.ruleset import RuleSet
from keywords.rules.inheritance import AccountPosition
from keywords.rules.replies import media_names
from keywords.rules.values import Rule
from matrix import accounts, blocklist, departments, media
from matrix.accounts import AccountSnapshot, callback_stats
from matrix.departments import Tree, directory
from matrix.inbox import awaited_replies
from services import catalogue
from services.catalogue import GuideFacts

_log = logs.get_logger(__name__)
_REFRESH_SECONDS = 1.0  # between two reads of the cache versions
# Reads between two writes of the callback statistics: what a killed process loses (decision 0013).
_FLUSH_EVERY = 5
# Seconds a look spends on what rules mean: a change must still be in use everywhere within two.
_MEANING_SECONDS = 0.5


@dataclass(frozen=True)
class Snapshot:
    """The published state of the whole city at one moment.

    `accounts` is by appid, `media_ids` by (account id, our name of a file), `blocked_followers`
    holds (account id, openid), `department_names` is by department id, `guides` by slug,
    `rules_by_name` by the name as a suggestion shows it (`name_key`). `cache_versions` are the
    numbers of the moment at which it was built.
    """

    cache_versions: Mapping[str, int]
    accounts: Mapping[str, AccountSnapshot]
    ruleset: RuleSet
    media_ids: Mapping[tuple[int, str], str]
    blocked_followers: frozenset[tuple[int, str]]
    department_names: Mapping[int, str]
    department_tree: Tree
    directory: Directory = field(default_factory=Directory)
    guides: Mapping[str, GuideFacts] = field(default_factory=dict)
    rules_by_name: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)

    def is_own(self, account: AccountSnapshot, rule: Rule) -> bool:
        """Whether a rule belongs to the account, its department or one below that."""
        if rule.account_id is not None:
            return rule.account_id == account.id
        return rule.department_id in self.department_tree.within(account.department_id)

    def owner_name(self, rule: Rule) -> str:
        """The name of the account that answers by this rule, else of the rule's department.

        Empty for a rule of the whole city.
        """
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


def name_key(name: str) -> str:
    """A rule's name as it is compared with what a citizen types: case, spaces, marks are nothing.

    Cheaper than the normal form of a message, because all names of a large city are keyed again
    with every change of a rule.
    """
    return "".join(character for character in name.casefold() if character.isalnum())


class _State:
    """The snapshot of this process, and the thread that renews it."""

    snapshot: Snapshot | None = None
    thread: threading.Thread | None = None
    # One build at a time: several threads may ask for the first snapshot at once, and compiling a
    # large city's rules takes seconds. Readers take no lock; they see the old or the new reference.
    build_lock = threading.Lock()
    has_meanings = True


def current() -> Snapshot:
    """The snapshot of this process; the first call builds it.

    Raises sqlalchemy.exc.SQLAlchemyError when it must be built and the database is unavailable, and
    RuntimeError when it must be built inside a unit of work.
    """
    current_snapshot = _State.snapshot
    return current_snapshot if current_snapshot is not None else refresh()


def refresh() -> Snapshot:
    """Read the cache versions and build a new snapshot if one moved. Returns the present one.

    Raises as `current` does.
    """
    with _State.build_lock:
        with read_only():
            # Versions and contents are read in one transaction. A change that commits in between
            # moves its version again, and the next look builds once more.
            versions = cache_versions.current()
            if _State.snapshot is None or _State.snapshot.cache_versions != versions:
                _State.snapshot = _build(versions, _State.snapshot, now=clock.now())
                _freeze_garbage_collector()
        return _State.snapshot


def _freeze_garbage_collector() -> None:
    """Exclude the snapshot from garbage collection (it holds no reference cycles).

    Traversing the compiled rules again and again took six percent of the callback's time.
    """
    # unfreeze first: the objects of the replaced snapshot would otherwise never be freed
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def reset() -> None:
    """Drop the snapshot; the next call builds one. For tests that change the database."""
    _State.snapshot = None


def start_refresher() -> None:
    """Start the thread that refreshes the snapshot every second, once a process.

    For servers only: behind a command or a test, the thread would hold connections that nobody
    closes.
    """
    if _State.thread is None:
        _State.thread = threading.Thread(target=_refresh_loop, name="live", daemon=True)
        _State.thread.start()


def _refresh_loop() -> None:
    pause = threading.Event()
    for look in itertools.count(1):
        try:
            ruleset = refresh().ruleset
            _read_awaited_replies()
            if _State.has_meanings:
                _update_meanings(ruleset)
            if look % _FLUSH_EVERY == 0:
                _flush_callback_stats()
        except SQLAlchemyError as error:
            _log.warning("snapshot.stale", error=type(error).__name__)
        except Exception:
            # A rule that does not compile must not end this thread: it is the one that would load
            # the corrected rule.
            _log.exception("snapshot.refresh_failed")
        pause.wait(_REFRESH_SECONDS)


def _read_awaited_replies() -> None:
    with read_only():
        awaited_replies.refresh(now=clock.now())


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
    cards = directory.list_cards()
    # the former rule set lends its compiled matchers: only accounts
    # whose rules changed are compiled anew
    ruleset = (previous.ruleset if previous is not None else RuleSet()).reloaded(
        _account_scopes(accounts_by_appid.values(), tree)
    )
    return Snapshot(
        cache_versions=versions,
        accounts=accounts_by_appid,
        ruleset=ruleset,
        media_ids=media.media_ids(now=now),
        blocked_followers=blocklist.blocked_pairs(),
        department_names=departments.names(tree.parents),
        department_tree=tree,
        directory=Directory(
            cards,
            # of several accounts of one department the one that was registered first
            {each.department_id: each.name for each in _by_age(accounts_by_appid.values())},
            directory.region_name(),
        ),
        guides=catalogue.list_facts(),
        rules_by_name=_rules_by_name(ruleset),
    )


def _by_age(listed: Iterable[AccountSnapshot]) -> list[AccountSnapshot]:
    """Accounts, the newest first."""
    return sorted(listed, key=lambda account: -account.id)


def _rules_by_name(ruleset: RuleSet) -> dict[str, tuple[Rule, ...]]:
    named: dict[str, list[Rule]] = {}
    for rule in ruleset.all_rules_matcher.rules:
        named.setdefault(name_key(rule.name), []).append(rule)
    return {key: tuple(rules) for key, rules in named.items()}


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
