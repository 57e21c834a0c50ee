"""Probes: whether an account works, one question at a time, each with what to do next.

    account, heard, what the last check noted ──> steps: waiting / ok / failed, in words

Whether WeChat reaches us is known from the callbacks; what WeChat says when asked is noted by a
job (`note`), for a page asks no stranger.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, select, update
from sqlalchemy.orm import Mapped, mapped_column

from config import clock
from config.database import Base, session, upsert
from matrix.callbacks import Heard, why

CHECK = "accounts.check"


class Kind(StrEnum):
    """What is asked. `address` and `push` are answered by what the callback heard."""

    ADDRESS = "address"
    PUSH = "push"
    TOKEN = "token"
    ALLOW_LIST = "allow_list"
    ABILITY = "ability"
    IMPORT = "import"
    QUOTA = "quota"
    SECRET = "secret"


class State(StrEnum):
    """How the answer stands."""

    WAITING = "waiting"
    OK = "ok"
    FAILED = "failed"


class Probe(Base):
    """The newest answer to one question. `ok_at` is when it was last a good one."""

    __tablename__ = "account_probes"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    kind: Mapped[Kind] = mapped_column(primary_key=True)
    state: Mapped[State]
    words: Mapped[str]
    facts: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    ok_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Step:
    """One question as a page shows it. `facts` may hold an `ip` to copy."""

    kind: Kind
    title: str
    state: State
    words: str
    facts: Mapping[str, Any]


_TITLES = {
    Kind.ADDRESS: "服务器地址",
    Kind.PUSH: "消息推送",
    Kind.TOKEN: "AppSecret 与接口凭据",
    Kind.ALLOW_LIST: "IP 白名单",
    Kind.ABILITY: "账号类型与认证",
    Kind.IMPORT: "菜单与自动回复",
}
_UNASKED = "还没有核对过，系统每小时自动核对一次。"


def note(
    account_id: int, kind: Kind, state: State, words: str, *, now: datetime, **facts: Any
) -> None:
    """Write an answer down. `words` are one Chinese sentence: what is so, or what to do."""
    values: dict[str, Any] = {"state": state, "words": words, "facts": facts, "at": now}
    if state is State.OK:
        values["ok_at"] = now
    session.execute(
        upsert(Probe)
        .values(account_id=account_id, kind=kind, **values)
        .on_conflict_do_update(index_elements=["account_id", "kind"], set_=values)
    )


def waits(account_id: int, kinds: Iterable[Kind], words: str, *, now: datetime) -> None:
    """Say that these questions are being asked; old answers no longer count."""
    for kind in kinds:
        note(account_id, kind, State.WAITING, words, now=now)


def shelve(account_id: int, words: str) -> None:
    """What still waits goes on waiting, for another reason."""
    session.execute(
        update(Probe)
        .where(Probe.account_id == account_id, Probe.state == State.WAITING)
        .values(words=words)
    )


def of_accounts(account_ids: Iterable[int]) -> dict[int, dict[Kind, Probe]]:
    """The noted answers by account and question."""
    found: dict[int, dict[Kind, Probe]] = defaultdict(dict)
    for row in session.scalars(select(Probe).where(Probe.account_id.in_(set(account_ids)))):
        found[row.account_id][row.kind] = row
    return found


def steps(heard: Heard | None, probes: Mapping[Kind, Probe]) -> tuple[Step, ...]:
    """All questions about one account, in the order in which a person settles them."""
    asked = [_noted(kind, probes.get(kind)) for kind in (Kind.TOKEN, Kind.ALLOW_LIST)]
    rest = [_noted(kind, probes.get(kind)) for kind in (Kind.ABILITY, Kind.IMPORT)]
    return (*asked, _address(heard), _push(heard), *rest)


def is_connected(steps: Iterable[Step]) -> bool:
    """Whether nothing is left to do."""
    return all(step.state is State.OK for step in steps)


def _noted(kind: Kind, probe: Probe | None) -> Step:
    if probe is None:
        return Step(kind, _TITLES[kind], State.WAITING, _UNASKED, {})
    return Step(kind, _TITLES[kind], probe.state, probe.words, probe.facts)


def _address(heard: Heard | None) -> Step:
    title = _TITLES[Kind.ADDRESS]
    if heard is None or (heard.checked_at is None and heard.heard_at is None):
        if heard is not None and heard.refused_at is not None:
            words = f"微信来核对过，没有通过：{why(heard.refused_why)}。改正后请再次提交。"
            return Step(Kind.ADDRESS, title, State.FAILED, words, {})
        words = "请在微信开发者平台填入网址、Token 和 EncodingAESKey 并提交，微信会立即来核对。"
        return Step(Kind.ADDRESS, title, State.WAITING, words, {})
    at = heard.checked_at
    words = f"微信于 {_clock(at)} 核对通过。" if at else "微信已在向本系统推送消息。"
    return Step(Kind.ADDRESS, title, State.OK, words, {})


def _push(heard: Heard | None) -> Step:
    title = _TITLES[Kind.PUSH]
    if heard is not None and is_refusing(heard):
        words = f"最近一次推送（{_clock(heard.refused_at)}）被拒绝：{why(heard.refused_why)}。"
        return Step(Kind.PUSH, title, State.FAILED, words, {})
    if heard is None or heard.heard_at is None:
        words = "还没有收到推送。请关注该账号并发一条消息，几秒后这里会变绿。"
        return Step(Kind.PUSH, title, State.WAITING, words, {})
    return Step(Kind.PUSH, title, State.OK, f"最近一次推送：{_clock(heard.heard_at)}。", {})


def is_refusing(heard: Heard) -> bool:
    """Whether the last thing its address heard was not believed."""
    good = max(filter(None, (heard.heard_at, heard.checked_at)), default=None)
    return heard.refused_at is not None and (good is None or heard.refused_at > good)


def _clock(at: datetime | None) -> str:
    return f"{clock.local(at):%m-%d %H:%M}" if at else ""
