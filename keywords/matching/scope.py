"""Scope: what part of a message is a request, and to whom.

    不是社保卡，是洗澡的卡在哪充       what is ruled out is left out: 是洗澡的卡在哪充
    身份证已经补好了，谢谢             the matter is over: no rule may answer
    短信说我有退税，让点链接，真的吗   a question about a fraud: only rules about fraud may answer
    西安的社保卡密码锁了               asked of another city: only rules that name it may answer

No single word decides: a question beside "补好了" makes the message a request again, and the name
of a city counts only directly before the keyword, or twice. The words are in
`language/lexicons/scope.yaml`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cache, lru_cache
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick

from keywords.language import lexicons
from keywords.language.normalize import (
    NormalizedText,
    clauses,
    has_clauses,
    normalize,
    to_standard,
)

_RULED_OUT = "前后文说了不是问这个"
_OVER = "事情已经办完或撤回"
_FRAUD = "问的是真假，可能是诈骗"
_ELSEWHERE = "说的是别处（{place}）"
# keywords with one of these are about fraud themselves
_FRAUD_CHARACTERS = ("骗", "诈")
_CLAUSE_BORDER = "|"


class _Topic(Enum):
    """What a message may say about its request."""

    FRAUD = auto()
    OVER = auto()
    PLACE = auto()
    DENIAL = auto()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a message asks.

    `asked` is the message without what it rules out, `left_out` the Chinese reason why something
    was left out of it. `obstacle` is the Chinese reason why a rule may not answer, or empty; rules
    with one of `exempt` in a keyword may. `place` is another city that the message names, or empty.
    """

    asked: NormalizedText
    left_out: str = ""
    obstacle: str = ""
    exempt: tuple[str, ...] = ()
    place: str = ""

    def obstacle_for(self, keywords: Sequence[str]) -> str:
        """Why a rule with these keywords may not answer, or an empty string."""
        is_exempt = any(word in keyword for word in self.exempt for keyword in keywords)
        return "" if is_exempt else self.obstacle

    def at_place(self, start: int, *, is_standard: bool) -> "Scope":
        """This scope for a rule of which a keyword stands at `start`, in a form of `asked`.

        Directly behind the name of another place it is the keyword of that place.
        """
        text = self.asked.standard if is_standard else self.asked.core
        if not self.place or self.obstacle or not _stands_before(self.place, text, start):
            return self
        return replace(self, obstacle=_ELSEWHERE.format(place=self.place))


@lru_cache(maxsize=512)
def read(normal: NormalizedText) -> Scope:
    """What a message asks. Cached, as matching and suggestions ask for the same message."""
    finder, topics = _triggers()
    found = {
        topics[number]
        for number, _, _ in finder.find_matches_as_indexes(normal.standard, overlapping=True)
    }
    # most messages have none of the words
    return _read(normal, found) if found else Scope(normal)


def _read(normal: NormalizedText, found: Set[_Topic]) -> Scope:
    """What a message asks that has words of these topics."""
    patterns, text = _patterns(), _clause_text(normal)
    if (
        _Topic.FRAUD in found
        and patterns.fraud_doubts.search(text)
        and patterns.fraud_signs.search(text)
    ):
        return Scope(normal, obstacle=_FRAUD, exempt=_FRAUD_CHARACTERS)
    over = _end_of_what_is_over(text) if _Topic.OVER in found else 0
    if over:
        return Scope(normalize(text[over:].replace(_CLAUSE_BORDER, "，")), left_out=_OVER)
    place, is_certain = _place_in(text) if _Topic.PLACE in found else ("", False)
    return Scope(
        _without_denied(normal, text) if _Topic.DENIAL in found else normal,
        left_out=_RULED_OUT,
        obstacle=_ELSEWHERE.format(place=place) if is_certain else "",
        exempt=(place,) if place else (),
        place=place,
    )


def _clause_text(normal: NormalizedText) -> str:
    """The clauses in the standard language with a border between them."""
    if not has_clauses(normal.raw):
        return to_standard(normal.text)
    return _CLAUSE_BORDER.join(map(to_standard, clauses(normal.raw)))


def _end_of_what_is_over(text: str) -> int:
    """Where that part of a message ends that is done or taken back; 0 where something is asked."""
    patterns = _patterns()
    endings = [found.end() for found in patterns.done.finditer(text)]
    withdrawn = [found.end() for found in patterns.withdrawn.finditer(text)]
    if not (endings or withdrawn) or patterns.choice.search(text):
        return 0
    if patterns.open.search(patterns.withdrawn.sub(_object_of, text)):
        return 0
    last = max(endings + withdrawn)
    # who takes a request back may say what did not work out ("不办了，铺子没租下来")
    is_unsolved = not withdrawn and re.search("[没不]", text[last:])
    return 0 if is_unsolved or patterns.unsolved.search(text, last) else last


def _object_of(withdrawn: re.Match[str]) -> str:
    """What is taken back, which may ask something: "不用去哪里了"."""
    return _CLAUSE_BORDER + (withdrawn["object"] or "")


def _without_denied(normal: NormalizedText, text: str) -> NormalizedText:
    """The message without the clauses that say what it does not ask."""
    parts = text.split(_CLAUSE_BORDER)
    following = [*parts[1:], ""]
    kept = list(map(_without_denial, parts, following))
    return normal if kept == parts else normalize("，".join(filter(None, kept)))


def _without_denial(clause: str, following: str) -> str:
    """What is left of a clause that may rule something out; the clause where it does not."""
    patterns = _patterns()
    denial = patterns.denial.match(clause)
    # "不是说今天来水吗" and "不是本人能办吗" ask
    if denial is None or patterns.asks.search(clause):
        return clause
    instead = patterns.instead.search(clause, denial.end() + 1)
    if instead:
        return clause[instead.start() :]
    is_refusal = denial["refusal"] is not None
    return clause if is_refusal and not patterns.instead.match(following) else ""


def _place_in(text: str) -> tuple[str, bool]:
    """Another city that a message names, or "", and whether the whole message is about it."""
    patterns = _patterns()
    found = Counter(patterns.place.findall(text))
    if not found or patterns.local.search(text):
        return "", False
    (place, count), *others = found.most_common()
    is_between = bool(others) and patterns.route.search(text) is not None
    return place, count > 1 or is_between


def _stands_before(place: str, text: str, start: int) -> bool:
    """Whether the name of a place stands directly before text[start] and is not a destination."""
    found = re.search(rf"{place}(?:市|省|县)?(?:那边|当地|那个|的)?$", text[:start])
    return found is not None and not text[: found.start()].endswith(lexicons.scope().towards_place)


class _Patterns(NamedTuple):
    denial: re.Pattern[str]
    asks: re.Pattern[str]
    instead: re.Pattern[str]
    done: re.Pattern[str]
    withdrawn: re.Pattern[str]
    choice: re.Pattern[str]
    open: re.Pattern[str]
    unsolved: re.Pattern[str]
    fraud_doubts: re.Pattern[str]
    fraud_signs: re.Pattern[str]
    local: re.Pattern[str]
    place: re.Pattern[str]
    route: re.Pattern[str]


@cache
def _triggers() -> tuple[AhoCorasick, list[_Topic]]:
    """The automaton of the words without which a topic is not looked into, and their topics."""
    lexicon = lexicons.scope()
    taken_back = ("不" + verb for verb in (*lexicon.own_verbs, *lexicon.object_verbs))
    topics = {
        _Topic.FRAUD: lexicon.fraud_doubts,
        _Topic.OVER: (*lexicon.done, *lexicon.withdrawn, *lexicon.withdrawals, *taken_back),
        _Topic.PLACE: lexicon.places,
        _Topic.DENIAL: (*lexicon.denials, *lexicon.refusals),
    }
    pairs = [(word, topic) for topic, words in topics.items() for word in words]
    return AhoCorasick([word for word, _ in pairs]), [topic for _, topic in pairs]


def _any(words: Iterable[str]) -> str:
    return f"(?:{lexicons.any_of(words).pattern})"


@cache
def _patterns() -> _Patterns:
    lexicon = lexicons.scope()
    places, ended = _any(lexicon.places), "[了啦]"
    border = re.escape(_CLAUSE_BORDER)
    inside = rf"[^?{border}]"
    whom = "(?:再|给|帮|我|您|你|你们|我们|麻烦){0,3}"
    verbs, own_verbs = _any((*lexicon.withdrawn_verbs, *lexicon.own_verbs)), _any(lexicon.own_verbs)
    return _Patterns(
        denial=re.compile(
            rf"(?:我们?|这个?|那个?)?(?:{_any(lexicon.denials)}|(?P<refusal>{_any(lexicon.refusals)}))"
        ),
        asks=re.compile("[?吗么]|[不没]$|是不是|能不能|行不|可以|怎么|为什么|不让|不给"),
        instead=re.compile(rf"{_any(lexicon.instead)}|是(?!不是|否|怎么|为什么|什么|因为|谁)"),
        done=lexicons.any_of(lexicon.done),
        # what others refuse ("他们说不办了", "公交不去火车站了") takes nothing back
        withdrawn=re.compile(
            rf"{_any(lexicon.withdrawn)}"
            rf"|(?:{_any(lexicon.withdrawals)}{whom}{verbs}"
            rf"|(?:^|(?<=[{border}我咱就也那先]))不{own_verbs}|(?<![说给都又们司行院局业])不{_any(lexicon.object_verbs)})"
            rf"(?P<object>{inside}{{0,8}}?){ended}"
        ),
        choice=re.compile(r"\?|([一-鿿]{1,2})[不没]\1"),
        open=lexicons.any_of(lexicon.open),
        unsolved=lexicons.any_of(lexicon.unsolved),
        fraud_doubts=lexicons.any_of(lexicon.fraud_doubts),
        fraud_signs=lexicons.any_of(lexicon.fraud_signs),
        local=lexicons.any_of(lexicon.local),
        # 西安路 and 北京银行 are no cities; "我在西安，社保卡…" says where somebody is
        place=re.compile(rf"({places})(?!{border}|路|街|大道|银行|大学|交大|人)"),
        route=re.compile(rf"{places}(?:市|站|火车站)?[到去回至往]{places}"),
    )
