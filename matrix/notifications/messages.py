"""Messages: what people are told of an alert, in plain text that every channel can carry.

Numbers in a citizen's words are masked before, and with NOTIFICATION_QUOTES off the words stay in
the hub: a robot's group is not ours. The link leads to the alert's page, where one signs in.
"""

from dataclasses import dataclass

from config import clock, settings
from config.alerts import Alert

# 企业微信 takes 2,048 bytes of text; three a character, with room for what surrounds the quotation
_MAX_QUOTE_LENGTH = 400
# robots of DingTalk may demand a keyword in every message: this word is in all of them
KEYWORD = "提醒"


@dataclass(frozen=True)
class Message:
    """A subject of one line, and the lines of the text, which begin with it."""

    subject: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole text."""
        return "\n".join(self.lines)


def of_alert(alert: Alert, *, path: str, kind_label: str, on_behalf_of: str = "") -> Message:
    """What somebody is told of an alert.

    `path` is that of the alert's page, `on_behalf_of` the name of the person whose deputy is told.
    """
    mark = "【紧急提醒】" if alert.urgent else "【提醒】"
    subject = _one_line(f"{mark}{alert.message}")
    lines = [subject]
    quote = str(alert.details.get("text", ""))
    if quote and settings.get().notification_quotes:
        lines.append(f"市民原话：{_shorten(quote)}")
    times = f"，第 {alert.count} 次" if alert.count > 1 else ""
    lines.append(f"{kind_label} · {clock.local(alert.last_raised_at):%m-%d %H:%M}{times}")
    if on_behalf_of:
        lines.append(f"{on_behalf_of}还没有接手，由您代为处理。")
    lines.append(f"查看并接手：{settings.get().base_url}{path}")
    return Message(subject, tuple(lines))


def of_test(name: str) -> Message:
    """What a person's channel is tested with."""
    subject = f"【{KEYWORD}测试】华阴发布的提醒能够送到这里"
    return Message(subject, (subject, f"{name}在“我的通知”里发送了这条测试，不需要处理。"))


def _shorten(text: str) -> str:
    line = _one_line(text)
    return line if len(line) <= _MAX_QUOTE_LENGTH else line[: _MAX_QUOTE_LENGTH - 1] + "…"


def _one_line(text: str) -> str:
    return " ".join(text.split())
