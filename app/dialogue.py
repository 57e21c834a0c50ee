"""The dialogue: who answers a message.

    push ──> emergency ─> tapped suggestion ─> event ─> keywords ─> suggestions ─> fallback
                 the first that has an answer wins ──> Answer

`answer` decides from values in memory alone. `settle` writes the push down and acts on it, in
one transaction; a repeated push gets the answer of the first time and causes nothing.
"""

import random
import re
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from app.live import Live
from config import alarms, clock, logs
from config.database import retrying
from keywords import replies as said
from keywords.rules import Kind, Occasion, Rule
from matrix import followers, inbox, sendings
from matrix.accounts import Connection
from matrix.inbox import Outcome
from matrix.wechat import messages, replies
from matrix.wechat.messages import Inbound
from matrix.wechat.replies import Reply, fitted, render
from matrix.wechat.texts import cut_text

EMERGENCY = "inbox.emergency"
WELCOME = "您好，欢迎关注{name}。您可以直接写下要办的事，例如“身份证丢了怎么办”。"
_OPTION = "rule:"
_DID_YOU_MEAN = "您是不是想问："
_ELSEWHERE = "您问的可能由其他单位办理："
_BREAKS_LINK = re.compile(r"""[<>&"'#?=%\s]""")
_chance = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the hub says and why.

    `more` are messages that do not fit into the reply and follow by customer service. `alarm`
    is the word that makes the message an emergency.
    """

    outcome: Outcome
    reply: Reply | None = None
    more: tuple[Reply, ...] = ()
    rule_code: str | None = None
    alarm: str | None = None


SILENT = Answer(Outcome.SILENT)


@dataclass(frozen=True, slots=True)
class Scene:
    """One push as those who may answer see it. `occasion` is None where nothing was said."""

    inbound: Inbound
    account: Connection
    live: Live
    occasion: Occasion | None
    now: datetime


def answer(inbound: Inbound, account: Connection, live: Live, *, now: datetime) -> Answer:
    """The answer to a push. Reads memory only and changes nothing."""
    if account.paused or not inbound.awaits_reply:
        return SILENT
    scene = Scene(inbound, account, live, occasion_of(inbound), now)
    for speaker in _SPEAKERS:
        found = speaker(scene)
        if found is not None:
            return found
    return SILENT


def occasion_of(inbound: Inbound) -> Occasion | None:
    """What a push says to the keywords: words typed or spoken, a menu's key, a code's scene."""
    match inbound:
        case messages.Text():
            return Occasion(inbound.content)
        case messages.Voice() if inbound.recognised:
            return Occasion(inbound.recognised)
        case messages.MenuClicked() | messages.MenuCodeSubmitted():
            return Occasion(inbound.key, Kind.CLICK)
        case messages.Scanned():
            return Occasion(inbound.scene, Kind.SCAN)
        case messages.Followed() if inbound.scene:
            return Occasion(inbound.scene, Kind.SCAN)
    return None


# ---- those who may answer, in order ----


def _emergency(scene: Scene) -> Answer | None:
    if scene.occasion is None or scene.occasion.kind is not Kind.TEXT:
        return None
    word = scene.live.book.emergency(scene.occasion.text)
    if word is None:
        return None
    text = scene.live.book.emergency_text
    return Answer(Outcome.EMERGENCY, replies.Text(text), alarm=word)


def _tapped(scene: Scene) -> Answer | None:
    """A suggestion we made was tapped: it names its rule, whoever's rule it is."""
    option = scene.inbound.option if isinstance(scene.inbound, messages.Text) else None
    if not option or not option.startswith(_OPTION):
        return None
    rule = scene.live.book.rule(option.removeprefix(_OPTION))
    return _by_rule(scene, rule) if rule else None


def _keywords(scene: Scene) -> Answer | None:
    if scene.occasion is None:
        return None
    book, account_id = scene.live.book, scene.account.id
    rule = book.match(account_id, scene.occasion, now=scene.now)
    if rule is None and scene.occasion.kind is Kind.CLICK:
        # a button may say what a citizen would type
        rule = book.match(account_id, Occasion(scene.occasion.text), now=scene.now)
    return _by_rule(scene, rule) if rule else None


def _welcome(scene: Scene) -> Answer | None:
    if not isinstance(scene.inbound, messages.Followed):
        return None
    text = scene.account.welcome or WELCOME.format(name=scene.account.name)
    return Answer(Outcome.WELCOME, replies.Text(text))


def _suggestions(scene: Scene) -> Answer | None:
    if scene.occasion is None or scene.occasion.kind is not Kind.TEXT:
        return None
    near = scene.live.book.suggest(scene.account.id, scene.occasion.text, now=scene.now)
    if not near:
        return None
    own = [rule for rule in near if scene.live.is_own(scene.account, rule)]
    text = _listing(_DID_YOU_MEAN, own, scene) if own else _listing(_ELSEWHERE, near, scene)
    return Answer(Outcome.SUGGESTION, replies.Text(text))


def _fallback(scene: Scene) -> Answer | None:
    if not isinstance(scene.inbound, messages.Message):
        return None
    return Answer(Outcome.FALLBACK, replies.Text(scene.live.book.fallback(scene.account.id)))


_SPEAKERS: tuple[Callable[[Scene], Answer | None], ...] = (
    _emergency,
    _tapped,
    _keywords,
    _welcome,
    _suggestions,
    _fallback,
)


# ---- from a rule to a reply ----


def _by_rule(scene: Scene, rule: Rule) -> Answer | None:
    chosen = said.choose(
        rule.replies,
        rule.choice,
        available=lambda name: (scene.account.id, name) in scene.live.media,
        chance=_chance,
    )
    parts = [part for one in chosen for part in _spoken(one, scene)]
    shown = [part for part in (fitted(part, scene.inbound) for part in parts) if part is not None]
    if not shown:
        return None
    return Answer(Outcome.RULE, shown[0], tuple(shown[1:]), rule.code)


def _spoken(reply: said.Reply, scene: Scene) -> list[Reply]:
    """A rule's reply in the gateway's words; a long text in several parts."""
    match reply:
        case said.Text():
            return [replies.Text(part) for part in cut_text(reply.content)]
        case said.Image():
            return [replies.Image(_media(scene, reply.media))]
        case said.Voice():
            return [replies.Voice(_media(scene, reply.media))]
        case said.Video():
            media_id = _media(scene, reply.media)
            return [replies.Video(media_id, reply.title, reply.description)]
        case said.Music():
            thumb = _media(scene, reply.thumb)
            return [replies.Music(thumb, reply.url, reply.hq_url, reply.title, reply.description)]
        case said.News():
            card = replies.Article(reply.title, reply.description, reply.url, reply.picture)
            return [replies.News((card,))]
        case said.Transfer():
            return [replies.Transfer(reply.agent or None)]


def _media(scene: Scene, name: str) -> str:
    return scene.live.media[scene.account.id, name]


def _listing(head: str, rules: Sequence[Rule], scene: Scene) -> str:
    lines = [head]
    for rule in rules:
        owner = "" if scene.live.is_own(scene.account, rule) else scene.live.owner(rule)
        lines.append(f"· {_link(rule)}{f'（{owner}）' if owner else ''}")
    lines.append("点一下蓝色的字就能看到答复。")
    return "\n".join(lines)


def _link(rule: Rule) -> str:
    """A line to tap; it comes back as a text with the option's id.

    WeChat reads this as its own small language, not as HTML: nothing is escaped there, so what
    would end the link early is left out.
    """
    name = _BREAKS_LINK.sub("", rule.name)
    address = f"weixin://bizmsgmenu?msgmenucontent={name}&msgmenuid={_OPTION}{rule.code}"
    return f'<a href="{address}">{name}</a>'


# ---- writing down and acting ----


def settle(
    account: Connection, inbound: Inbound, given: Answer, *, now: datetime
) -> inbox.Recorded:
    """Write a push down with its answer and, if it is new, do what it causes.

    Returns the answer that counts: a repeat gets that of the first time. Raises
    sqlalchemy.exc.DBAPIError when the database cannot be written to.
    """
    entry = _entry(account, inbound, given, now)
    if _only_writes(inbound) and not given.more and given.alarm is None:
        return inbox.receive(entry)

    def in_one_transaction() -> inbox.Recorded:
        recorded = inbox.record(entry)
        if recorded.is_new:
            _follow(account, inbound, now)
            _act(account, inbound, given, recorded.id, now)
        return recorded

    with named(account.appid):
        return retrying(in_one_transaction)


def named(appid: str) -> AbstractContextManager[None]:
    """Puts the account and an id of the push on log lines, jobs and audit rows.

    Only where something is written down: most pushes say nothing, and naming each costs more
    than finding its rule.
    """
    return logs.bound(account=appid[:32], request=secrets.token_hex(6))


def _only_writes(inbound: Inbound) -> bool:
    """Whether a push is a message that opens the long window and nothing else."""
    return isinstance(inbound, messages.Message) and not _is_tap(inbound)


def _is_tap(inbound: Inbound) -> bool:
    # WeChat counts a tapped option as a menu click, not as a message (rules for customer service)
    return isinstance(inbound, messages.Text) and inbound.option is not None


def _follow(account: Connection, inbound: Inbound, now: datetime) -> None:
    match inbound:
        case messages.Message() if not _is_tap(inbound):
            followers.wrote(account.id, inbound.openid, now=now)
        case messages.Followed():
            followers.follow(account.id, inbound.openid, scene=inbound.scene, now=now)
        case messages.Unfollowed():
            followers.unfollow(account.id, inbound.openid, now=now)
        case (
            messages.Text()
            | messages.MenuClicked()
            | messages.MenuCodeScanned()
            | messages.Scanned()
        ):
            followers.acted(account.id, inbound.openid, now=now)
        case messages.Menu() | messages.Located():
            followers.seen(account.id, inbound.openid, now=now)


def _act(
    account: Connection, inbound: Inbound, given: Answer, inbox_id: int, now: datetime
) -> None:
    if given.alarm is not None:
        alarms.raise_alarm(
            EMERGENCY,
            inbox_id,
            f"{account.name}收到疑似紧急求助，含“{given.alarm}”",
            now=now,
            department_id=account.department_id,
            account_id=account.id,
        )
    if not given.more or not account.can_send:
        return
    follower = followers.find(account.id, inbound.openid)
    if follower is not None:
        for part in given.more:
            if not isinstance(part, replies.Transfer):
                sendings.queue(follower, part, now=now, inbox_id=inbox_id)


def _entry(account: Connection, inbound: Inbound, given: Answer, now: datetime) -> inbox.Entry:
    shown = given.reply and fitted(given.reply, inbound)
    return inbox.Entry(
        account_id=account.id,
        dedupe_key=inbound.dedupe_key,
        openid=inbound.openid,
        kind=inbound.kind,
        text=_text(inbound),
        content=_content(inbound),
        sent_at=inbound.sent_at,
        received_at=now,
        local_day=clock.local_day(now),
        outcome=given.outcome,
        rule_code=given.rule_code,
        answer=render(shown, to=inbound.openid, account=inbound.to, at=now) if shown else "",
    )


def _text(inbound: Inbound) -> str:
    occasion = occasion_of(inbound)
    return occasion.text if occasion else ""


_SHARED = frozenset({"kind", "to", "openid", "sent_at", "message_id", "content"})


def _content(inbound: Inbound) -> dict[str, Any] | None:
    """What else a push said; most texts say nothing else."""
    if type(inbound) is messages.Text and inbound.option is None:
        return None
    rest = {name: value for name, value in asdict(inbound).items() if name not in _SHARED}
    return {name: value for name, value in rest.items() if value is not None} or None
