"""Jobs of the audit's hash chain (`config.audit.hash_chain`): sealing and verifying.

each minute  seal          each night  verify ──> verify_segment, one segment after the other
"""

from datetime import datetime

from config import alerts, clock, jobs, logs
from config.alerts import AlertKind
from config.audit import anchor, hash_chain
from config.audit.anchor import Anchor
from config.database import read_only, run_in_transaction, transaction
from config.jobs import JobName

_log = logs.get_logger(__name__)
# A normal minute needs one seal. After a pause the backlog is worked off over several minutes, each
# run within the lease of its job.
_SEALS_PER_RUN = 50


class AuditJob(JobName):
    """Jobs about the seals of the audit."""

    SEAL = "audit.seal", "封存操作记录"
    VERIFY = "audit.verify", "校验操作记录"
    VERIFY_SEGMENT = "audit.verify_segment", "校验一段操作记录"


class AuditAlert(AlertKind):
    """What staff must look at in the audit."""

    CHAIN_BROKEN = "audit.chain_broken", "操作记录可能被改动"
    SEALING_OVERDUE = "audit.sealing_overdue", "操作记录未及时封存"
    FUTURE_ROW = "audit.future_row", "操作记录的时间在将来"


def seal(*, now: datetime) -> None:
    """Seal the entries that are settled, at most fifty thousand.

    They are read and hashed outside the transaction that appends the seal: staff who write audit
    entries must not wait for it.
    """
    _alert_of_future_row(now)
    for _ in range(_SEALS_PER_RUN):
        with read_only():
            prepared = hash_chain.prepare(now=now)
        if (
            prepared is None
            or not _append(prepared, now)
            # a seal that is not full was the last one; False from `_append` means that another
            # worker seals
            or prepared.count < hash_chain.ROWS_PER_SEAL
        ):
            return


def _alert_of_future_row(now: datetime) -> None:
    with read_only():
        row = hash_chain.find_future_row(now=now)
    if row is not None:
        text = f"第 {row.id} 条操作记录的时间是 {clock.local(row.at):%Y-%m-%d %H:%M}，在将来。"
        with transaction():
            alerts.raise_alert(AuditAlert.FUTURE_ROW, row.id, text, now=now, urgent=True)


def verify(*, now: datetime) -> None:
    """Start verifying all seals; raise an alert when entries have not been sealed for an hour, and
    when the root that this machine remembers is gone.
    """
    _check_anchor(now)
    overdue_since = hash_chain.overdue_since(now=now)
    # sealing cannot report its own absence, so the nightly job looks whether it still runs
    if overdue_since is not None:
        alerts.raise_alert(
            AuditAlert.SEALING_OVERDUE,
            "audit",
            f"{clock.local(overdue_since):%Y-%m-%d %H:%M}以来的操作记录还没有封存",
            now=now,
        )
    jobs.enqueue(AuditJob.VERIFY_SEGMENT, key=AuditJob.VERIFY_SEGMENT, after=0)


def verify_segment(*, after: int, now: datetime) -> None:
    """Verify one segment of seals above an id, and enqueue the next segment.

    A segment is a job of its own, so that the lease of none runs out however long the chain grows.
    """
    with read_only():
        report = hash_chain.verify_segment(after)
    with transaction():
        for number, mismatch in report.mismatches.items():
            alerts.raise_alert(
                AuditAlert.CHAIN_BROKEN, number, f"操作记录可能被改动：{mismatch}", now=now
            )
        if report.next_after is not None:
            jobs.enqueue(
                AuditJob.VERIFY_SEGMENT,
                key=f"{AuditJob.VERIFY_SEGMENT}/{report.next_after}",
                after=report.next_after,
            )
    _log.info("audit.verified", after=after, seals=report.seals, faults=len(report.mismatches))


def _append(prepared: hash_chain.PreparedSeal, now: datetime) -> bool:
    if not run_in_transaction(lambda: hash_chain.append(prepared, now=now)):
        return False
    with read_only():
        sealed, is_same_chain = hash_chain.find_latest(), hash_chain.contains_anchor()
    # of a chain that was begun anew the old root is kept, as the proof of it
    if sealed is not None and is_same_chain:
        anchor.write(Anchor(sealed.id, sealed.root_hash))
    return True


def _check_anchor(now: datetime) -> None:
    if not hash_chain.contains_anchor():
        text = "操作记录可能被清空或重算：本机保存的根哈希已不在封条中。"
        alerts.raise_alert(AuditAlert.CHAIN_BROKEN, "anchor", text, now=now, urgent=True)
