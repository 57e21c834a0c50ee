"""Health: how well every account works, worst first, with the reasons in words staff can act on.

The number of queries does not depend on the number of accounts; what is expensive to count was
counted before (`statistics`). `assess` itself reads nothing and is a pure function of its inputs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from config import clock
from config.permissions import Permission, Principal
from matrix import accounts, departments
from matrix.accounts import Account, callback_stats, connection_checks, todos
from matrix.accounts.callback_stats import CallbackStatus, PushRates
from matrix.accounts.connection_checks import CheckKind, ConnectionCheck
from matrix.health import statistics
from matrix.health.statistics import AccountStats

# days without any exchange; the city asks for activity at least every two weeks
SILENT_WARN_DAYS, SILENT_BAD_DAYS = 10, 14
# staff need time to renew it; once it has ended, most API calls are refused
VERIFICATION_WARN_BEFORE = timedelta(days=30)
# tokens live two hours and are checked hourly, so three hours means a failed renewal
_TOKEN_MAX_AGE = timedelta(hours=3)
_MIN_SAMPLE = 5  # with fewer, one failure would already be a large share
_FAILURE_SHARE = 0.2
_LOW_QUOTA_SHARE = 0.1


class HealthLevel(StrEnum):
    """How an account does."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


_RANK = {HealthLevel.BAD: 0, HealthLevel.WARN: 1, HealthLevel.OK: 2}
_Finding = tuple[HealthLevel, str]


@dataclass(frozen=True)
class HealthInputs:
    """Everything that an account's health is judged by."""

    account: Account
    department: str = ""
    callback_status: CallbackStatus | None = None
    rates: PushRates = field(default_factory=PushRates)
    checks: Mapping[CheckKind, ConnectionCheck] = field(default_factory=dict)
    stats: AccountStats | None = None
    open_todos: int = 0

    @property
    def is_paused(self) -> bool:
        """Whether staff paused the account."""
        return self.account.state is accounts.AccountState.PAUSED

    @property
    def is_connected(self) -> bool:
        """Whether WeChat has ever reached our callback address for the account."""
        return self.callback_status is not None and bool(
            self.callback_status.verified_at or self.callback_status.last_push_at
        )

    @property
    def last_push_at(self) -> datetime | None:
        """When the last push was accepted."""
        return self.callback_status.last_push_at if self.callback_status else None

    @property
    def token_at(self) -> datetime | None:
        """When WeChat last issued an access token."""
        check = self.checks.get(CheckKind.TOKEN)
        return check.last_ok_at if check else None

    @property
    def quota(self) -> tuple[int, int] | None:
        """Customer-service messages (left, daily limit) of today; None when not known."""
        check = self.checks.get(CheckKind.QUOTA)
        if check is None or not check.details.get("daily"):
            return None
        return check.details["left"], check.details["daily"]

    def silent_days(self, now: datetime) -> int:
        """Whole days since the last push, or since the account was registered."""
        # a new account is not silent before it had time to be connected
        return (now - (self.last_push_at or self.account.created_at)).days

    def failed_share(self) -> float:
        """Share of the last day's outbound messages that failed; 0 when there were few."""
        if self.stats is None or self.stats.sent_day < _MIN_SAMPLE:
            return 0.0
        return self.stats.failed_day / self.stats.sent_day

    def rejected_share(self) -> float:
        """Share of the last day's pushes that were rejected; 0 when there were few."""
        heard, refused = self.rates.accepted_day, self.rates.rejected_day
        return refused / (heard + refused) if refused >= _MIN_SAMPLE else 0.0


@dataclass(frozen=True)
class AccountHealth:
    """An account's level, with the reasons for staff, worst reason first."""

    inputs: HealthInputs
    level: HealthLevel
    reasons: tuple[str, ...]
    silent_days: int


def list_for_staff(
    principal: Principal, permission: Permission, *, now: datetime
) -> list[AccountHealth]:
    """Health of the accounts where the principal has the permission, worst first."""
    return assess_all(accounts.list_for_staff(principal, permission), now=now)


def assess_all(rows: Sequence[Account], *, now: datetime) -> list[AccountHealth]:
    """Health of these accounts, worst first; at equal level the one with more reasons first."""
    # as many queries whatever the number of accounts: the first page asks for all of them
    ids = [row.id for row in rows]
    names = departments.names(row.department_id for row in rows)
    heard, rates = callback_stats.by_account(ids), callback_stats.rates(ids, now=now)
    checks, stats = connection_checks.by_account(ids), statistics.by_account(ids)
    tasks = todos.count_open(ids)
    found = [
        assess(
            HealthInputs(
                account=row,
                department=names.get(row.department_id, ""),
                callback_status=heard.get(row.id),
                rates=rates.get(row.id, PushRates()),
                checks=checks.get(row.id, {}),
                stats=stats.get(row.id),
                open_todos=tasks.get(row.id, 0),
            ),
            now=now,
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: (_RANK[each.level], -len(each.reasons)))


def assess(inputs: HealthInputs, *, now: datetime) -> AccountHealth:
    """Health of one account."""
    findings = [
        *_connection_findings(inputs, now),
        *_check_findings(inputs, now),
        *_activity_findings(inputs, now),
    ]
    findings.sort(key=lambda each: _RANK[each[0]])
    level = findings[0][0] if findings else HealthLevel.OK
    return AccountHealth(
        inputs, level, tuple(message for _, message in findings), inputs.silent_days(now)
    )


def _connection_findings(inputs: HealthInputs, now: datetime) -> Iterator[_Finding]:
    if inputs.is_paused:
        reason = inputs.account.pause_reason
        yield HealthLevel.WARN, f"已暂停{f'：{reason}' if reason else ''}"
    if not inputs.is_connected:
        yield HealthLevel.BAD, "尚未接通：微信还没有核对过服务器地址"
    elif inputs.callback_status is not None and connection_checks.is_rejecting(
        inputs.callback_status
    ):
        is_silent = inputs.last_push_at is None or now - inputs.last_push_at > timedelta(days=1)
        rejection = callback_stats.rejection_text(inputs.callback_status.rejection_reason)
        # one rejected request may be a stranger's; after a day without an accepted push it is our
        # keys
        yield HealthLevel.BAD if is_silent else HealthLevel.WARN, f"最近一次推送被拒绝：{rejection}"
    if inputs.rejected_share() > _FAILURE_SHARE:
        yield HealthLevel.WARN, f"过去一天有 {inputs.rates.rejected_day} 次推送被拒绝"
    if inputs.account.previous_token is not None:
        yield HealthLevel.WARN, "正在更换密钥，尚未完成"


def _check_findings(inputs: HealthInputs, now: datetime) -> Iterator[_Finding]:
    # without a token or outside the allow-list no call works at all; the others cost single
    # features
    levels = {CheckKind.TOKEN: HealthLevel.BAD, CheckKind.ALLOW_LIST: HealthLevel.BAD}
    for kind in (CheckKind.TOKEN, CheckKind.ALLOW_LIST, CheckKind.ABILITY, CheckKind.IMPORT):
        check = inputs.checks.get(kind)
        if check is not None and check.state is connection_checks.CheckState.FAILED:
            yield levels.get(kind, HealthLevel.WARN), check.message.rstrip("。")
    if inputs.token_at is not None and now - inputs.token_at > _TOKEN_MAX_AGE:
        yield (
            HealthLevel.WARN,
            f"接口凭据自 {clock.local(inputs.token_at):%m-%d %H:%M} 起没有核对成功",
        )
    refused = inputs.checks.get(CheckKind.QUOTA)
    if refused is not None and refused.state is connection_checks.CheckState.FAILED:
        yield HealthLevel.WARN, refused.message.rstrip("。")
    if inputs.quota is not None:
        left, daily = inputs.quota
        if left <= 0:
            yield HealthLevel.BAD, "今日客服消息额度已用完"
        elif left < daily * _LOW_QUOTA_SHARE:
            yield HealthLevel.WARN, f"今日客服消息额度只剩 {left} 条"


def _activity_findings(inputs: HealthInputs, now: datetime) -> Iterator[_Finding]:
    yield from _verification_findings(inputs.account.verified_until, clock.local_day(now))
    if inputs.failed_share() > _FAILURE_SHARE and inputs.stats is not None:
        yield HealthLevel.WARN, f"过去一天有 {inputs.stats.failed_day} 条消息没有送达"
    if inputs.stats is not None and inputs.stats.unanswered:
        yield HealthLevel.WARN, f"{inputs.stats.unanswered} 位市民的留言还没有答复"
    days = inputs.silent_days(now)
    # an account that was never connected is silent for that reason, which is told above
    if inputs.is_connected and days >= SILENT_WARN_DAYS:
        yield (
            HealthLevel.BAD if days >= SILENT_BAD_DAYS else HealthLevel.WARN,
            f"已 {days} 天没有任何往来",
        )
    if inputs.open_todos:
        yield HealthLevel.WARN, f"{inputs.open_todos} 项密钥待更换"


def _verification_findings(until: date | None, today: date) -> Iterator[_Finding]:
    if until is None:
        return
    if until < today:
        yield HealthLevel.BAD, f"微信认证已于 {until:%Y-%m-%d} 到期"
    elif until - today <= VERIFICATION_WARN_BEFORE:
        yield HealthLevel.WARN, f"微信认证将于 {until:%Y-%m-%d} 到期"
