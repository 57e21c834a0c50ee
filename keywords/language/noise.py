"""Noise: what a message carries beside its words, taken out before it is compared.

    /::@社保卡怎么补办        smileys: WeChat's old codes, which hold letters, digits and "@"
    [捂脸]交水费              the new ones, by name in square brackets
    @华阴公安身份证丢了       whom a message addresses, with or without a space behind
    🆗🈚                      pictographs that Unicode would fold to letters or Han characters

What is taken out leaves a full-width comma, because words before and after it are not neighbours.
The lists are in `lexicons/noise.yaml`.
"""

import re
from functools import cache
from typing import NamedTuple

from keywords.language import lexicons

BORDER = "，"
# WeChat itself puts this space behind a name picked from the list of mentions
_MENTION_END = "\u2005"
# Emoji blocks, with the enclosed letters and ideographs that NFKC turns into text (🆗, 🈚, ㊗).
_PICTOGRAPHS = "\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\u3297\u3299"
_PICTOGRAPH = re.compile(f"[{_PICTOGRAPHS}]")
# The text that WeChat delivers in place of a message of a kind that the account cannot receive.
_UNSUPPORTED = re.compile(
    r"[\[【](?:收到不支持的消息类型[^\]】]{0,20}|unsupported message)[\]】]", re.IGNORECASE
)
_MAX_MENTION_LENGTH = 30


class _Patterns(NamedTuple):
    smiley: re.Pattern[str]
    placeholder: re.Pattern[str]
    mention: re.Pattern[str]


def strip(raw: str) -> str:
    """The text with a comma in place of each smiley, placeholder, mention and pictograph."""
    # most messages have none of these characters, and then nothing is searched for
    if "/:" in raw or "[" in raw or "【" in raw:
        patterns = _patterns()
        for pattern in (patterns.smiley, patterns.placeholder, _UNSUPPORTED):
            raw = pattern.sub(BORDER, raw)
    if "@" in raw or "＠" in raw:
        raw = _patterns().mention.sub(BORDER, raw)
    return _PICTOGRAPH.sub(BORDER, raw)


def has_sticker(raw: str) -> bool:
    """Whether there is a smiley code or the placeholder of a sticker or unsupported message."""
    patterns = _patterns()
    return any(
        pattern.search(raw) for pattern in (patterns.smiley, patterns.placeholder, _UNSUPPORTED)
    )


def has_pictograph(raw: str) -> bool:
    """Whether there is an emoji."""
    return _PICTOGRAPH.search(raw) is not None


@cache
def _patterns() -> _Patterns:
    lexicon = lexicons.noise()
    codes, names = (
        lexicons.any_of(words).pattern for words in (lexicon.smiley_codes, lexicon.smiley_names)
    )
    placeholders = lexicons.any_of(lexicon.placeholders).pattern
    cities = lexicons.any_of(lexicon.account_cities).pattern
    units = lexicons.any_of(lexicon.account_units).pattern
    # Only a name that is known ends where no space stands; of anything else the sign alone goes,
    # because the question (or a danger) may follow it at once. A sign behind a letter or digit
    # belongs to an e-mail address.
    name = (
        rf"(?:{units})(?:{cities})|(?:{cities})(?:{units})?"
        rf"|[^@＠{_MENTION_END}]{{1,{_MAX_MENTION_LENGTH}}}(?={_MENTION_END})"
    )
    return _Patterns(
        smiley=re.compile(rf"{codes}|\[(?:{names})\]"),
        placeholder=re.compile(rf"[\[【](?:{placeholders})[\]】]"),
        mention=re.compile(rf"(?<![A-Za-z0-9])[@＠](?:{name})?"),
    )
