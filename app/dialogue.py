"""The dialogue: who answers a message.

    push ──> emergency ─> blocked ─> tapped suggestion ─> event ─> keywords
             ─> suggestions ─> fallback       the first that has an answer wins ──> Answer

`answer` decides from values in memory alone and changes nothing; `settling` does the rest.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.live import Live
from keywords import replies as said
from keywords.rules import Kind, Occasion, Rule
from matrix.accounts import Connection
from matrix.inbox import Outcome
from matrix.wechat import messages, replies
from matrix.wechat.messages import Inbound
from matrix.wechat.replies import Reply, fitted
from matrix.wechat.texts import cut_text

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


def _blocked(scene: Scene) -> Answer | None:
    """Somebody an agent has blocked; of emergencies we hear even from them."""
    is_blocked = (scene.account.id, scene.inbound.openid) in scene.live.blocked
    return SILENT if is_blocked else None


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
    _blocked,
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
