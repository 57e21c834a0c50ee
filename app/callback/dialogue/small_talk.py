"""Small talk: whole messages that ask for nothing, each with a short kind answer of its own.

A message is small talk only as a whole: a request inside a greeting is a request.
"""

import re
from unicodedata import category

from app.callback.dialogue.context import DialogueResult, ReplyContext, text_result
from keywords.language import lexicons
from keywords.language.normalize import NormalizedText
from keywords.rules.standard_texts import StandardText
from matrix.inbox import Outcome

# the words of each kind, folded, besides the thanks of the lexicon
# fmt: off
_WORDS = {
    StandardText.GREETING: (
        "你好", "您好", "你好啊", "您好啊", "哈喽", "hello", "hi", "嗨", "早", "早上好", "上午好",
        "中午好", "下午好", "晚上好", "大家好", "你们好", "喂",
    ),
    StandardText.THANKS: (
        "谢了", "谢谢你", "谢谢您", "谢谢你们", "谢谢啊", "谢谢了", "感谢你们", "感谢您",
        "辛苦了", "非常感谢你们", "thanks", "thankyou", "3q",
    ),
    StandardText.ABUSE: ("垃圾", "废物", "滚", "滚蛋", "傻逼", "智障", "弱智", "什么玩意", "没用"),
    StandardText.PRESENCE: (
        "在吗", "在不在", "在不", "在么", "在嘛", "有人吗", "有人在吗", "有人没", "在线吗",
        "有没有人", "有人么", "人呢", "在没在",
    ),
    StandardText.GOODBYE: ("再见", "拜拜", "拜", "bye", "byebye", "晚安", "88"),
    StandardText.AFFIRMATION: (
        "好", "好的", "好吧", "好嘞", "好滴", "行", "行吧", "可以", "嗯", "嗯嗯", "哦", "哦哦",
        "噢", "知道了", "明白了", "明白", "收到", "ok", "了解", "晓得了", "是", "是的", "对",
    ),
    StandardText.TEST: ("测试", "测试一下", "试一下", "试试", "test"),
}
# fmt: on
_KINDS = {word: kind for kind, words in _WORDS.items() for word in words}
# WeChat's smileys: the codes of old versions, such as /::) and /:strong, and names in brackets
_SMILEYS = re.compile(r"(?:/:[!-.0-~]{1,8}|\[[A-Za-z\u4e00-\u9fff]{1,8}\]|\s)+")


def answer(context: ReplyContext) -> DialogueResult | None:
    """The short answer to small talk."""
    kind = kind_of(context)
    if kind is None:
        return None
    return text_result(Outcome.SMALL_TALK, context.standard_text(kind))


def kind_of(context: ReplyContext) -> StandardText | None:
    """Which small talk the message is as a whole; None when it is none."""
    return None if context.normal is None or context.option_id else classify(context.normal)


def classify(normal: NormalizedText) -> StandardText | None:
    """Which small talk a text is as a whole; its value is the name of the kind.

    The only place that knows the words: the rule set may take it over.
    """
    if _SMILEYS.fullmatch(normal.raw) and normal.raw.strip():
        return StandardText.STICKER
    if not normal.text:
        return _kind_of_signs(normal.raw)
    if normal.text in lexicons.small_talk().thanks:
        return StandardText.THANKS
    return _KINDS.get(normal.text)


def _kind_of_signs(raw: str) -> StandardText | None:
    """The kind of a message without a letter; an empty one is no message of anybody."""
    if any(category(sign) == "So" for sign in raw):
        return StandardText.EMOJI
    return StandardText.QUESTION_MARK if raw.strip() else None
