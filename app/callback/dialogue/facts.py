"""Facts: questions that ask for a phone number, a place, hours, a fee and nothing else.

"民政局电话是多少"   ──>  phone          of 民政局
"在哪办，要多少钱"   ──>  place and fee  of what was talked about before
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from keywords.language.normalize import NormalizedText

# in characters; a longer message tells a story around its question
_MAX_LENGTH = 24


class Fact(StrEnum):
    """What may be asked; the values are the fields of `GuideFacts` and of the cards."""

    PHONE = "phone"
    HOURS = "hours"
    PLACE = "place"
    FEE = "fee"
    MATERIALS = "materials"
    DURATION = "duration"


LABELS = {
    Fact.PHONE: "电话",
    Fact.HOURS: "时间",
    Fact.PLACE: "地点",
    Fact.FEE: "费用",
    Fact.MATERIALS: "材料",
    Fact.DURATION: "办理时限",
}
_WHAT = "(?:是|是个)?(?:多少|几号|什么|啥|哪个|多钱)?"
_WHERE = "(?:哪里|哪儿|哪个地方|什么地方|啥地方|哪达|哪搭|哪)"
# of facts that share words the more special comes first
_PATTERNS = {
    Fact.HOURS: re.compile(
        "(?:几点|什么时候|什么时间|啥时候|啥时)(?:钟)?(?:才)?(?:上班|下班|开门|关门|上下班|办公)"
        f"|(?:上班|下班|办公|营业|工作|作息|开门)时间{_WHAT}"
        "|(?:周末|周六|周日|星期六|星期天|礼拜天|中午|节假日|今天)"
        "(?:上不上班|上班|开不开门|开门|有人上班|有没有人|有人|休息|办公)"
    ),
    Fact.FEE: re.compile(
        "(?:要|收|得|需要|要收|要花|得花|要交|花)?"
        "(?:多少钱|几块钱|多钱|多少费用|什么费用|多少费|费用多少|费用|收费|收不收费|要不要钱)"
        "(?:标准)?(?:是)?(?:多少)?"
    ),
    Fact.MATERIALS: re.compile(
        "(?:要|需要|得|用|要准备|准备|都要)?(?:带|拿|准备|提供|交)?"
        "(?:什么|啥|哪些)(?:材料|资料|东西|手续|证件)"
        "|(?:要|需要|得|都要)(?:带|拿|准备)(?:些)?(?:什么|啥)|(?:要带|带)(?:些)?(?:什么|啥)"
    ),
    Fact.DURATION: re.compile(
        "(?:要|得|需要)?(?:多久|几天|多长时间|多少天)(?:能)?(?:办好|办下来|办完|下来|好|拿到)?"
    ),
    Fact.PHONE: re.compile(
        "(?:联系|咨询|办公|值班|服务|办公室)?(?:电话|座机|热线)(?:号码|号)?"
        f"{_WHAT}(?:打哪个|打多少)?|号码{_WHAT}|怎么联系|打(?:哪个|什么|啥)(?:电话|号码)"
    ),
    Fact.PLACE: re.compile(
        f"(?:在|到|去|上|往)?{_WHERE}(?:能)?(?:办理|办|弄|去办|领|交)?"
        f"|(?:地址|位置|地点)(?:是|在)?(?:{_WHERE}|什么|啥|多少)?|怎么(?:走|去)"
    ),
}
# in every question for a fact; spares nearly all other messages the patterns above
_SIGN = re.compile(
    "[哪几啥久]|电话|号码|座机|热线|地址|位置|地点|时间|多少|多钱|费用|收费|要钱|上班|开门|有人|休息|"
    "办公|多长|什么[时材资东手证地费]|怎么[走去联]|带什么"
)
# around a fact: who is asked, what is pointed at, and particles
_EDGES = re.compile(
    "^(?:那个|那|这个|这|请问|问一下|问下|我想问|想问|你们|你|您|咱们|咱|我们|贵|的|是|办这个|办|"
    "和|跟|以及|还有|大概|一般|总共|一共|现在)+|"
    "(?:的|吗|呢|啊|呀|嘛|么|不|没|了|吧|是|那边|这边|那里|这里|你们|和|跟|以及|还有|告诉我|"
    "发一下|发我|说一下|一下|知道)+$"
)


@dataclass(frozen=True, slots=True)
class FactQuestion:
    """The facts that a message asks for, and whose: a name, or "" when it says no more."""

    facts: tuple[Fact, ...]
    subject: str


def parse(normal: NormalizedText) -> FactQuestion | None:
    """The facts a message asks for; None when it asks for none, or is too long to be sure."""
    text = normal.standard
    if len(text) > _MAX_LENGTH or _SIGN.search(text) is None:
        return None
    facts = []
    for fact, pattern in _PATTERNS.items():
        text, found = pattern.subn(" ", text)
        if found:
            facts.append(fact)
    if not facts:
        return None
    parts = (_trim(part) for part in text.split())
    return FactQuestion(tuple(facts), "".join(parts))


def _trim(text: str) -> str:
    """A part without the words around a name that do not belong to it."""
    before = ""
    while text != before:
        before, text = text, _EDGES.sub("", text)
    return text
