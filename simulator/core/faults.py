"""Fault injection: errors that tests and developers switch on.

A fault has a kind and may be limited to an account, a path, a number of times or a probability.
Faults of API calls are applied by `api.dispatch`, those of callbacks by `messaging.callbacks`.
"""

from __future__ import annotations

import itertools
import random
import threading
from dataclasses import asdict, dataclass

from simulator.core.errors import ActionRejected
from simulator.core.json_object import JsonObject

API_KINDS = {
    "slow": "答得慢",
    # the hardest case for a sender: the message was delivered but its answer did not arrive, so
    # repeating the call would deliver it twice
    "timeout_after_accepting": "收下后不答",
    "wrong_token": "40001 凭据无效",
    "token_expired": "42001 凭据过期",
    "busy": "-1 系统繁忙",
    "http_502": "HTTP 502",
    "quota_used": "45009 额度用完",
    "frequency": "45011 太频繁",
    "unauthorised": "48001 没有接口权限",
}
CALLBACK_KINDS = {
    # WeChat repeats a push after five seconds, so a slow answer and its repetition overlap
    "duplicate": "同一推送并行两次",
    "drop_reply": "丢掉回复",
    # WeChat does not guarantee the order of several messages of one follower
    "out_of_order": "推送晚到",
}
# "slow" stays below the usual time-out of clients, "timeout_after_accepting" is above it
DEFAULT_SECONDS = {"slow": 3.0, "timeout_after_accepting": 30.0, "out_of_order": 2.0}


@dataclass
class Fault:
    """One fault. count None: until it is removed. seconds: the delay, for kinds that have one."""

    id: int
    kind: str
    appid: str = ""  # empty: every account
    path: str = ""  # a prefix of the path; empty: every path
    count: int | None = None
    probability: float = 1.0
    seconds: float = 0.0


class Faults:
    """The active faults."""

    def __init__(self, seed: int | None = None) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        # a generator of its own: tests that use faults with a probability need the same sequence in
        # each run, whatever else draws random numbers
        self._random = random.Random(seed)
        self._active: list[Fault] = []

    def add(self, fields: JsonObject) -> Fault:
        """Add a fault from a mapping with the fields of `Fault`; ActionRejected for a wrong one."""
        kind = fields.get("kind", "")
        if kind not in API_KINDS and kind not in CALLBACK_KINDS:
            raise ActionRejected(f"没有这种故障：{kind}")
        try:
            fault = Fault(
                next(self._ids),
                kind,
                str(fields.get("appid") or ""),
                str(fields.get("path") or ""),
                # 0 would be a fault that never applies; it is read as "no limit", like an empty
                # form field
                int(fields["count"]) if fields.get("count") else None,
                float(fields.get("probability", 1.0)),
                float(fields.get("seconds") or DEFAULT_SECONDS.get(kind, 0.0)),
            )
        except (TypeError, ValueError) as error:
            raise ActionRejected("count、probability、seconds 应为数字") from error
        with self._lock:
            self._active.append(fault)
        return fault

    def consume(self, kind: str, *, appid: str | None, path: str = "") -> Fault | None:
        """The first fault of this kind that applies here, or None; uses up one of its times."""
        with self._lock:
            fault = next(
                (one for one in self._active if self._applies(one, kind, appid, path)), None
            )
            if fault is not None and fault.count is not None:
                fault.count -= 1
                if fault.count <= 0:
                    self._active.remove(fault)
        return fault

    def _applies(self, fault: Fault, kind: str, appid: str | None, path: str) -> bool:
        return (
            fault.kind == kind
            and fault.appid in ("", appid)
            and path.startswith(fault.path)
            and self._random.random() < fault.probability
        )

    def list_active(self) -> list[JsonObject]:
        """The active faults, as mappings."""
        with self._lock:
            return [asdict(fault) for fault in self._active]

    def remove(self, fault_id: int) -> None:
        """Remove one fault."""
        with self._lock:
            self._active = [fault for fault in self._active if fault.id != fault_id]

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._active.clear()
