"""Messages: what people are told of an alert, in plain text that every channel can carry.

Numbers in a citizen's words are masked before, and with NOTIFICATION_QUOTES off the words stay in
the hub: a robot's group is not ours. The link leads to the alert's page, where one signs in.
"""

from dataclasses import dataclass

from config import clock, settings
from config.alerts import Alert

# bytes; 企业微信 takes 2,048 of a text, and both leave room for what surrounds them
_MAX_QUOTE = 1200
_MAX_MESSAGE = 450
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
    subject = f"{mark}{_shorten(alert.message, _MAX_MESSAGE)}"
    lines = [subject]
    quote = str(alert.details.get("text", ""))
    if quote and settings.get().notification_quotes:
        lines.append(f"市民原话：{_shorten(quote, _MAX_QUOTE)}")
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


def _shorten(text: str, max_bytes: int) -> str:
    """One line of at most so many bytes of UTF-8, ending in … where something is missing."""
    line = " ".join(text.split())
    # half of a surrogate pair, which cannot be encoded, becomes a question mark
    encoded = line.encode("utf-8", "replace")
    if len(encoded) <= max_bytes:
        return encoded.decode()
    return encoded[: max_bytes - len("…".encode())].decode("utf-8", "ignore") + "…"
