"""The types of a rule's fields, with all that is refused of each.

They are annotations that pydantic reads when a `RuleSpec` is made. Every refusal is one Chinese
sentence; where it stands is pydantic's to say.
"""

import re
from typing import Annotated

import re2
from pydantic import AfterValidator, Field, StringConstraints

from config.validation import Says, Word, refuse
from keywords.language.normalize import fold
from keywords.matching.index import parse_word_groups
from keywords.rules.replies import MOST_REPLIES, AnyReply
from keywords.rules.values import InputKind, Keyword, MatchMode

LONGEST_KEYWORD = 64
LONGEST_PATTERN = 256
LONGEST_NAME = 60
LONGEST_CODE = 64
MOST_KEYWORDS = 500
MOST_SAMPLES = 20
LONGEST_SAMPLE = 200
HIGHEST_PRIORITY = 999
_PATTERN_MEMORY = 1 << 20
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*")
NO_ID = "编号应是字母、数字、点、横线组成的文字，最长 64 个字符。"
_NO_KEYWORDS = "至少要有一个关键词。"
NO_REPLIES = "至少要有一条回复。"
# the lists of keywords in files, in the order in which a rule has them
LISTS = {
    "exact": MatchMode.EQUAL,
    "keywords": MatchMode.CONTAINS,
    "together": MatchMode.TOGETHER,
    "patterns": MatchMode.PATTERN,
}
_LIST_OF = {mode: name for name, mode in LISTS.items()}
# what RE2 says of a wrong pattern
_REASONS = {
    "missing )": "缺少右括号",
    "unexpected )": "多了右括号",
    "missing ]": "缺少右方括号",
    "no argument for repetition operator": "重复符号前没有内容",
    "bad repetition operator": "重复符号不对",
    "invalid repetition size": "重复次数太多",
    "trailing \\": "结尾多了反斜杠",
    "invalid escape sequence": "没有这种转义",
    "invalid character class range": "字符范围不对",
    "invalid perl operator": "不支持这种写法",
}


def _check_keyword(keyword: Keyword) -> Keyword:
    longest = (
        LONGEST_PATTERN
        if keyword.mode in (MatchMode.PATTERN, MatchMode.TOGETHER)
        else LONGEST_KEYWORD
    )
    if len(keyword.text) > longest:
        raise refuse(f"最长 {longest} 个字符。")
    if keyword.kind is not InputKind.TEXT:
        if keyword.mode not in (MatchMode.EQUAL, MatchMode.PREFIX):
            # plain word lists mean the whole key when they name a menu entry or a scene
            return Keyword(keyword.text, MatchMode.EQUAL, keyword.kind)
        return keyword
    if keyword.mode is MatchMode.PATTERN:
        _check_pattern(keyword.text)
    elif keyword.mode is MatchMode.TOGETHER:
        if len(parse_word_groups(keyword.text)) < 2:
            raise refuse("“同时含有”至少要有两组词，用空格分开。")
    elif not fold(keyword.text):
        raise refuse("关键词里没有文字或数字。")
    return keyword


def _check_pattern(pattern: str) -> None:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise refuse(f"正则有误或过于复杂（{_reason(error)}）。") from error
    if compiled.search(""):
        raise refuse("正则表达式不能匹配空白消息。")


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    kind, colon, place = text.partition(": ")
    return f"{_REASONS.get(kind, kind)}{'：' if colon else ''}{place}"


def _in_order(listed: tuple[Keyword, ...]) -> tuple[Keyword, ...]:
    """Each keyword once, by the lists of the files, so that equal rules have equal specs."""
    order = list(LISTS)
    found = sorted(dict.fromkeys(listed), key=lambda keyword: order.index(list_of(keyword)))
    if not found:
        raise refuse(_NO_KEYWORDS)
    if len(found) > MOST_KEYWORDS:
        raise refuse(f"一条规则最多 {MOST_KEYWORDS} 个关键词。")
    return tuple(found)


def list_of(keyword: Keyword) -> str:
    """The list of the files that a keyword stands in; what fits none is a mapping in `keywords`."""
    return _LIST_OF.get(keyword.mode, "keywords") if keyword.kind is InputKind.TEXT else "keywords"


def _check_word(word: str) -> str:
    if len(word) > LONGEST_KEYWORD or not fold(word):
        raise refuse("应是 1 到 64 个字的词。")
    return word


def _check_sample(sample: str) -> str:
    if len(sample) > LONGEST_SAMPLE or not fold(sample):
        raise refuse(f"应是市民会写的一句话，最长 {LONGEST_SAMPLE} 个字。")
    return sample


def _once(listed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(listed))


Code = Annotated[str, StringConstraints(strict=True, max_length=LONGEST_CODE, pattern=r"\S")]
RuleCode = Annotated[
    str,
    StringConstraints(strict=True, max_length=LONGEST_CODE, pattern=rf"^{_CODE.pattern}$"),
    Says(NO_ID),
]
Name = Annotated[str, StringConstraints(strict=True, max_length=LONGEST_NAME, pattern=r"\S")]
Keywords = Annotated[
    tuple[Annotated[Keyword, AfterValidator(_check_keyword)], ...], AfterValidator(_in_order)
]
Words = Annotated[tuple[Annotated[Word, AfterValidator(_check_word)], ...], AfterValidator(_once)]
Samples = Annotated[
    tuple[Annotated[Word, AfterValidator(_check_sample)], ...],
    Field(max_length=MOST_SAMPLES),
    AfterValidator(_once),
]
Priority = Annotated[
    int,
    Field(strict=True, ge=0, le=HIGHEST_PRIORITY),
    Says(f"优先级应是 0 到 {HIGHEST_PRIORITY} 的整数。"),
]
Replies = Annotated[tuple[AnyReply, ...], Field(min_length=1, max_length=MOST_REPLIES)]
