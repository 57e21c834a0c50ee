"""Sealing the audit, and looking whether the seals hold: the jobs of `config.audit.seals`.

each minute  seal          each night  verify ──> verify_on, a stretch after the other
"""

from datetime import datetime

from config import alarms, clock, jobs, logs
from config.audit import seals
from config.database import reading, retrying, transaction

_log = logs.get(__name__)
_SEALS_AT_ONCE = 50


def seal(*, now: datetime) -> None:
    """Seal what is settled. The rows are read without a lock; the seal is one short change."""
    for _ in range(_SEALS_AT_ONCE):
        with reading():
            made = seals.draft(now=now)
        if made is None or not _put(made, now) or made.count < seals.ROWS:
            return


def verify(*, now: datetime) -> None:
    """Begin to compute all seals anew, and cry when sealing stands still."""
    since = seals.late_since(now=now)
    if since is not None:
        alarms.raise_alarm(
            seals.UNSEALED,
            "audit",
            f"{clock.local(since):%Y-%m-%d %H:%M}以来的操作记录还没有封存",
            now=now,
        )
    jobs.enqueue(seals.VERIFY_ON, key=seals.VERIFY_ON, after=0)


def verify_on(*, after: int, now: datetime) -> None:
    """Compute one stretch of seals anew, behind the seal of this id, and ask for the next."""
    with reading():
        checked = seals.check(after)
    with transaction():
        for number, fault in checked.faults.items():
            alarms.raise_alarm(seals.BROKEN, number, f"操作记录可能被改动：{fault}", now=now)
        if checked.next is not None:
            jobs.enqueue(
                seals.VERIFY_ON, key=f"{seals.VERIFY_ON}/{checked.next}", after=checked.next
            )
    _log.info("audit.verified", after=after, seals=checked.seals, faults=len(checked.faults))


def _put(made: seals.Draft, now: datetime) -> bool:
    return retrying(lambda: seals.put(made, now=now))
