"""Reply cells: a reply as a person writes it into a cell of a workbook.

请带户口簿到派出所。           a text
【图文】                      any other kind: its name, then one part a line
标题：补办指南
链接：https://example.org/
"""

import re

from config.errors import Invalid
from keywords.rules import replies
from keywords.rules.replies import Reply

_KINDS = {
    "文字": "text",
    "图片": "image",
    "语音": "voice",
    "视频": "video",
    "音乐": "music",
    "图文": "news",
    "转人工": "transfer",
}
_PARTS = {
    "内容": "content",
    "素材": "media",
    "封面": "thumb",
    "标题": "title",
    "描述": "description",
    "链接": "url",
    "高音质链接": "hq_url",
    "图片链接": "picture",
    "客服": "agent",
}
_LINE_END = "⏎"  # stands for a line end within a part
# only with nothing behind it on the line: "【文字】您好" is the beginning of a text
_HEAD = re.compile(rf"【({'|'.join(_KINDS)})】[ \t]*(?:\n|$)")
_PART = re.compile(rf"({'|'.join(_PARTS)})[：:]\s*(.*)", re.DOTALL)
_NAMES = {kind: name for name, kind in _KINDS.items()}
_PART_NAMES = {part: name for name, part in _PARTS.items()}


def read_cell(cell: str) -> dict[str, str]:
    """The reply in the shape `keywords.rules.replies` parses. Raises Invalid, field `reply`."""
    head = _HEAD.match(cell)
    if head is None:
        return {"type": "text", "content": cell}
    kind, rest = _KINDS[head[1]], cell[head.end() :]
    if kind == "text":
        return {"type": "text", "content": rest}
    data = {"type": kind}
    for line in filter(None, map(str.strip, rest.split("\n"))):
        part = _PART.fullmatch(line)
        if part is None:
            raise Invalid(
                field="reply", problem=f"“{line[:20]}”应写成“名称：内容”，如“标题：补办指南”。"
            )
        data[_PARTS[part[1]]] = part[2].replace(_LINE_END, "\n")
    return data


def write_cell(reply: Reply) -> str:
    """The cell that `read_cell` reads back as the same reply."""
    # a text that looks like the head of another kind gets a head of its own, or it would be read
    # back as that kind
    if isinstance(reply, replies.Text):
        return f"【文字】\n{reply.content}" if _HEAD.match(reply.content) else reply.content
    # a part is one line of the cell, so line ends within it need a sign of their own
    parts = [
        f"{_PART_NAMES[name]}：" + value.replace("\n", _LINE_END)
        for name, value in replies.dump(reply).items()
        if name != "type"
    ]
    return "\n".join([f"【{_NAMES[reply.type]}】", *parts])
