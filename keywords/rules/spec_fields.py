"""The types of a rule's fields, each with its limits and the Chinese messages for what breaks them.

They are annotations that pydantic reads when a `RuleSpec` is made; pydantic adds the path of the
field to a message.
"""

from typing import Annotated

import re2
from pydantic import AfterValidator, Field, StringConstraints

from config.validation import NOT_BLANK, ErrorMessage, NonBlankText, field_error
from config.validation.references import RefersTo
from keywords.language.normalize import fold, parse_word_groups
from keywords.rules.replies import MAX_REPLIES, AnyReply
from keywords.rules.values import InputKind, Keyword, MatchMode

MAX_KEYWORD_LENGTH = 64
MAX_PATTERN_LENGTH = 256
MAX_NAME_LENGTH = 60
MAX_SLUG_LENGTH = 64
MAX_KEYWORDS = 500
MAX_SAMPLES = 20
MAX_SAMPLE_LENGTH = 200
MAX_PRIORITY = 999
_PATTERN_MEMORY = 1 << 20
INVALID_ID = "编号应是字母、数字、点、横线组成的文字，最长 64 个字符。"
_NO_KEYWORDS = "至少要有一个关键词。"
NO_REPLIES = "至少要有一条回复。"
# the lists of keywords in files, in the order in which a rule has them
KEYWORD_LISTS = {
    "exact": MatchMode.EQUAL,
    "keywords": MatchMode.CONTAINS,
    "together": MatchMode.TOGETHER,
    "patterns": MatchMode.PATTERN,
}
_LIST_BY_MODE = {mode: name for name, mode in KEYWORD_LISTS.items()}
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
        MAX_PATTERN_LENGTH
        if keyword.mode in (MatchMode.PATTERN, MatchMode.TOGETHER)
        else MAX_KEYWORD_LENGTH
    )
    if len(keyword.text) > longest:
        raise field_error(f"最长 {longest} 个字符。")
    if keyword.kind is not InputKind.TEXT:
        if keyword.mode not in (MatchMode.EQUAL, MatchMode.PREFIX):
            # plain word lists mean the whole key when they name a menu entry or a scene
            return Keyword(keyword.text, MatchMode.EQUAL, keyword.kind)
        return keyword
    if keyword.mode is MatchMode.PATTERN:
        _check_pattern(keyword.text)
    elif keyword.mode is MatchMode.TOGETHER:
        if len(parse_word_groups(keyword.text)) < 2:
            raise field_error("“同时含有”至少要有两组词，用空格分开。")
    # matching compares folded texts, of which nothing would be left
    elif not fold(keyword.text):
        raise field_error("关键词里没有文字或数字。")
    return keyword


def _check_pattern(pattern: str) -> None:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise field_error(f"正则有误或过于复杂（{_reason(error)}）。") from error
    # it would match every message of every citizen
    if compiled.search(""):
        raise field_error("正则表达式不能匹配空白消息。")


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    kind, colon, place = text.partition(": ")
    return f"{_REASONS.get(kind, kind)}{'：' if colon else ''}{place}"


def _sort_keywords(listed: tuple[Keyword, ...]) -> tuple[Keyword, ...]:
    """Each keyword once, in the order of the lists of files, so that equal rules compare equal."""
    order = list(KEYWORD_LISTS)
    found = sorted(dict.fromkeys(listed), key=lambda keyword: order.index(list_name(keyword)))
    if not found:
        raise field_error(_NO_KEYWORDS)
    if len(found) > MAX_KEYWORDS:
        raise field_error(f"一条规则最多 {MAX_KEYWORDS} 个关键词。")
    return tuple(found)


def list_name(keyword: Keyword) -> str:
    """The list of files that a keyword belongs to; what fits none is a mapping in `keywords`."""
    if keyword.kind is not InputKind.TEXT:
        return "keywords"
    return _LIST_BY_MODE.get(keyword.mode, "keywords")


def _check_word(word: str) -> str:
    if len(word) > MAX_KEYWORD_LENGTH or not fold(word):
        raise field_error("应是 1 到 64 个字的词。")
    return word


def _check_sample(sample: str) -> str:
    if len(sample) > MAX_SAMPLE_LENGTH or not fold(sample):
        raise field_error(f"应是市民会写的一句话，最长 {MAX_SAMPLE_LENGTH} 个字。")
    return sample


def _unique(listed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(listed))


# the slug or appid of another thing, which `app.references` looks up
_Reference = Annotated[
    str, StringConstraints(strict=True, max_length=MAX_SLUG_LENGTH, pattern=NOT_BLANK)
]
Department = Annotated[_Reference, RefersTo("department")]
Account = Annotated[_Reference, RefersTo("account")]
Guide = Annotated[_Reference, RefersTo("guide")]
DefaultRule = Annotated[_Reference, RefersTo("rule")]
Slug = Annotated[
    str,
    StringConstraints(
        strict=True, max_length=MAX_SLUG_LENGTH, pattern="^[A-Za-z0-9][A-Za-z0-9_.:-]*$"
    ),
    ErrorMessage(INVALID_ID),
]
Name = Annotated[str, StringConstraints(strict=True, max_length=MAX_NAME_LENGTH, pattern=NOT_BLANK)]
Keywords = Annotated[
    tuple[Annotated[Keyword, AfterValidator(_check_keyword)], ...], AfterValidator(_sort_keywords)
]
Words = Annotated[
    tuple[Annotated[NonBlankText, AfterValidator(_check_word)], ...], AfterValidator(_unique)
]
Samples = Annotated[
    tuple[Annotated[NonBlankText, AfterValidator(_check_sample)], ...],
    Field(max_length=MAX_SAMPLES),
    AfterValidator(_unique),
]
Priority = Annotated[
    int,
    Field(strict=True, ge=0, le=MAX_PRIORITY),
    ErrorMessage(f"优先级应是 0 到 {MAX_PRIORITY} 的整数。"),
]
Replies = Annotated[tuple[AnyReply, ...], Field(min_length=1, max_length=MAX_REPLIES)]
