"""The board: how every account does, worst first, with the reasons in words.

    account + heard + rate + probes + survey + tasks ──judge──> Health: ok / warn / bad, why

A constant number of queries for any number of accounts; whatever is dear was counted before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from config import clock
from config.tenancy import Member, Right
from matrix import account_tasks, accounts, callbacks, departments, probes, surveys
from matrix.accounts import Account
from matrix.callbacks import Heard, Rate
from matrix.probes import Kind, Probe
from matrix.surveys import Survey

SILENT_WARN, SILENT_BAD = 10, 14  # days; the city asks for one a fortnight
VERIFICATION_WARN = timedelta(days=30)
_TOKEN_FRESH = timedelta(hours=3)
_ENOUGH = 5  # fewer than these make no share
_SHARE = 0.2
_QUOTA_LOW = 0.1


class Level(StrEnum):
    """How an account does."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


_RANK = {Level.BAD: 0, Level.WARN: 1, Level.OK: 2}
_Finding = tuple[Level, str]


@dataclass(frozen=True)
class Facts:
    """All that is known about how one account does."""

    account: Account
    department: str = ""
    heard: Heard | None = None
    rate: Rate = field(default_factory=Rate)
    probes: Mapping[Kind, Probe] = field(default_factory=dict)
    survey: Survey | None = None
    open_tasks: int = 0

    @property
    def is_paused(self) -> bool:
        """Whether staff stopped the account."""
        return self.account.state is accounts.State.PAUSED

    @property
    def is_connected(self) -> bool:
        """Whether WeChat has ever reached us for the account."""
        return self.heard is not None and bool(self.heard.checked_at or self.heard.heard_at)

    @property
    def heard_at(self) -> datetime | None:
        """The last push that was believed."""
        return self.heard.heard_at if self.heard else None

    @property
    def token_at(self) -> datetime | None:
        """When WeChat last gave a token."""
        probe = self.probes.get(Kind.TOKEN)
        return probe.ok_at if probe else None

    @property
    def quota(self) -> tuple[int, int] | None:
        """How many customer-service messages are left of how many today."""
        probe = self.probes.get(Kind.QUOTA)
        if probe is None or not probe.facts.get("daily"):
            return None
        return probe.facts["left"], probe.facts["daily"]

    def silent_days(self, now: datetime) -> int:
        """Days without any word from WeChat."""
        return (now - (self.heard_at or self.account.created_at)).days

    def lost_share(self) -> float:
        """Which part of the last day's messages did not arrive; 0 when there were few."""
        if self.survey is None or self.survey.sent_day < _ENOUGH:
            return 0.0
        return self.survey.lost_day / self.survey.sent_day

    def refused_share(self) -> float:
        """Which part of the last day's pushes was refused; 0 when there were few."""
        heard, refused = self.rate.heard_day, self.rate.refused_day
        return refused / (heard + refused) if refused >= _ENOUGH else 0.0


@dataclass(frozen=True)
class Health:
    """One account on the board."""

    facts: Facts
    level: Level
    reasons: tuple[str, ...]
    silent_days: int


def board(member: Member, right: Right, *, now: datetime) -> list[Health]:
    """How the accounts do where the member has this right, the worst first."""
    return judged(accounts.accounts_for_staff(member, right), now=now)


def judged(rows: Sequence[Account], *, now: datetime) -> list[Health]:
    """How these accounts do, the worst first."""
    ids = [row.id for row in rows]
    names = departments.names(row.department_id for row in rows)
    heard, rates = callbacks.of_accounts(ids), callbacks.rates(ids, now=now)
    asked, counted = probes.of_accounts(ids), surveys.of_accounts(ids)
    tasks = account_tasks.open_counts(ids)
    found = [
        judge(
            Facts(
                account=row,
                department=names.get(row.department_id, ""),
                heard=heard.get(row.id),
                rate=rates.get(row.id, Rate()),
                probes=asked.get(row.id, {}),
                survey=counted.get(row.id),
                open_tasks=tasks.get(row.id, 0),
            ),
            now=now,
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (_RANK[one.level], -len(one.reasons)))


def judge(facts: Facts, *, now: datetime) -> Health:
    """What is wrong with one account, the worst reason first."""
    findings = [*_connection(facts, now), *_asked(facts, now), *_life(facts, now)]
    findings.sort(key=lambda one: _RANK[one[0]])
    level = findings[0][0] if findings else Level.OK
    return Health(facts, level, tuple(words for _, words in findings), facts.silent_days(now))


def _connection(facts: Facts, now: datetime) -> Iterator[_Finding]:
    if facts.is_paused:
        reason = facts.account.pause_reason
        yield Level.WARN, f"已暂停{f'：{reason}' if reason else ''}"
    if not facts.is_connected:
        yield Level.BAD, "尚未接通：微信还没有核对过服务器地址"
    elif facts.heard is not None and probes.is_refusing(facts.heard):
        quiet = facts.heard_at is None or now - facts.heard_at > timedelta(days=1)
        why = callbacks.why(facts.heard.refused_why)
        yield Level.BAD if quiet else Level.WARN, f"最近一次推送被拒绝：{why}"
    if facts.refused_share() > _SHARE:
        yield Level.WARN, f"过去一天有 {facts.rate.refused_day} 次推送被拒绝"
    if facts.account.previous_token is not None:
        yield Level.WARN, "正在更换密钥，尚未完成"


def _asked(facts: Facts, now: datetime) -> Iterator[_Finding]:
    levels = {Kind.TOKEN: Level.BAD, Kind.ALLOW_LIST: Level.BAD}
    for kind in (Kind.TOKEN, Kind.ALLOW_LIST, Kind.ABILITY, Kind.IMPORT):
        probe = facts.probes.get(kind)
        if probe is not None and probe.state is probes.State.FAILED:
            yield levels.get(kind, Level.WARN), probe.words.rstrip("。")
    if facts.token_at is not None and now - facts.token_at > _TOKEN_FRESH:
        yield Level.WARN, f"接口凭据自 {clock.local(facts.token_at):%m-%d %H:%M} 起没有核对成功"
    refused = facts.probes.get(Kind.QUOTA)
    if refused is not None and refused.state is probes.State.FAILED:
        yield Level.WARN, refused.words.rstrip("。")
    if facts.quota is not None:
        left, daily = facts.quota
        if left <= 0:
            yield Level.BAD, "今日客服消息额度已用完"
        elif left < daily * _QUOTA_LOW:
            yield Level.WARN, f"今日客服消息额度只剩 {left} 条"


def _life(facts: Facts, now: datetime) -> Iterator[_Finding]:
    yield from _verification(facts.account.verified_until, clock.local_day(now))
    if facts.lost_share() > _SHARE and facts.survey is not None:
        yield Level.WARN, f"过去一天有 {facts.survey.lost_day} 条消息没有送达"
    if facts.survey is not None and facts.survey.unanswered:
        yield Level.WARN, f"{facts.survey.unanswered} 位市民的留言还没有答复"
    days = facts.silent_days(now)
    if facts.is_connected and days >= SILENT_WARN:
        yield Level.BAD if days >= SILENT_BAD else Level.WARN, f"已 {days} 天没有任何往来"
    if facts.open_tasks:
        yield Level.WARN, f"{facts.open_tasks} 项密钥待更换"


def _verification(until: date | None, today: date) -> Iterator[_Finding]:
    if until is None:
        return
    if until < today:
        yield Level.BAD, f"微信认证已于 {until:%Y-%m-%d} 到期"
    elif until - today <= VERIFICATION_WARN:
        yield Level.WARN, f"微信认证将于 {until:%Y-%m-%d} 到期"
