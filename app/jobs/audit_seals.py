"""Sealing the audit, and looking whether the seals hold: the jobs of `config.audit.hash_chain`.

each minute  seal          each night  verify ──> verify_on, a stretch after the other
"""

from datetime import datetime

from config import alerts, clock, jobs, logs
from config.audit import hash_chain
from config.database import read_only, run_in_transaction, transaction

_log = logs.get_logger(__name__)
_SEALS_PER_RUN = 50


def seal(*, now: datetime) -> None:
    """Seal what is settled. The rows are read without a lock; the seal is one short change."""
    for _ in range(_SEALS_PER_RUN):
        with read_only():
            prepared = hash_chain.prepare(now=now)
        if (
            prepared is None
            or not _append(prepared, now)
            or prepared.count < hash_chain.ROWS_PER_SEAL
        ):
            return


def verify(*, now: datetime) -> None:
    """Begin to compute all seals anew, and cry when sealing stands still."""
    overdue_since = hash_chain.overdue_since(now=now)
    if overdue_since is not None:
        alerts.raise_alert(
            hash_chain.SEALING_OVERDUE,
            "audit",
            f"{clock.local(overdue_since):%Y-%m-%d %H:%M}以来的操作记录还没有封存",
            now=now,
        )
    jobs.enqueue(hash_chain.VERIFY_SEGMENT, key=hash_chain.VERIFY_SEGMENT, after=0)


def verify_segment(*, after: int, now: datetime) -> None:
    """Compute one stretch of seals anew, behind the seal of this id, and ask for the next."""
    with read_only():
        report = hash_chain.verify_segment(after)
    with transaction():
        for number, mismatch in report.mismatches.items():
            alerts.raise_alert(
                hash_chain.CHAIN_BROKEN, number, f"操作记录可能被改动：{mismatch}", now=now
            )
        if report.next_after is not None:
            jobs.enqueue(
                hash_chain.VERIFY_SEGMENT,
                key=f"{hash_chain.VERIFY_SEGMENT}/{report.next_after}",
                after=report.next_after,
            )
    _log.info("audit.verified", after=after, seals=report.seals, faults=len(report.mismatches))


def _append(prepared: hash_chain.PreparedSeal, now: datetime) -> bool:
    return run_in_transaction(lambda: hash_chain.append(prepared, now=now))
