"""What talks are called on a page: outcomes, states and kinds in the words of staff."""

from datetime import datetime

from config import clock
from matrix.blocks import AtWechat
from matrix.followers import Window
from matrix.inbox import Outcome
from matrix.sendings import State
from matrix.talks import Line

OUTCOMES = {
    Outcome.RULE: "关键词已答复",
    Outcome.SUGGESTION: "给了相近问题",
    Outcome.FALLBACK: "没有答上",
    Outcome.EMERGENCY: "紧急",
    Outcome.WELCOME: "欢迎语",
    Outcome.SILENT: "没有回复",
}
OUTCOME_COLOURS = {
    Outcome.RULE: "green",
    Outcome.SUGGESTION: "yellow",
    Outcome.FALLBACK: "orange",
    Outcome.EMERGENCY: "red",
}
STATES = {
    State.QUEUED: "正在发送",
    State.SENDING: "正在发送",
    State.SENT: "已送达微信",
    State.REFUSED: "未发出",
    State.UNCONFIRMED: "未确认，可能已送达",
}
KINDS = {
    "text": "文字",
    "image": "图片",
    "voice": "语音",
    "video": "视频",
    "short_video": "小视频",
    "location": "位置",
    "link": "链接",
    "music": "音乐",
    "news": "图文",
    "transfer_customer_service": "转给微信客服",
    "unknown": "回复内容无法显示",
}
AT_WECHAT = {
    AtWechat.NONE: "",
    AtWechat.ASKED: "正在加入微信黑名单",
    AtWechat.DONE: "已加入微信黑名单",
    AtWechat.LIFTING: "正在移出微信黑名单",
    AtWechat.FAILED: "微信黑名单未生效",
}
_EVENTS = {
    "followed": "关注了公众号",
    "unfollowed": "取消了关注",
    "scanned": "扫了二维码",
    "located": "上报了位置",
    "menu_clicked": "点了菜单",
    "menu_link_opened": "打开了菜单里的网页",
    "menu_mini_program_opened": "打开了菜单里的小程序",
    "menu_code_scanned": "用菜单扫了码",
    "menu_code_submitted": "用菜单扫了码",
    "menu_pictures_chosen": "从菜单选了图片",
    "menu_location_chosen": "从菜单选了位置",
}


def event(line: Line) -> str:
    """What happened, with its subject where it has one."""
    said = _EVENTS.get(line.kind, "有一次操作")
    return f"{said}：{line.text}" if line.text else said


def remaining(window: Window, *, now: datetime) -> str:
    """How much may still be sent, and until when."""
    if not window.left or window.until is None:
        return "现在不能回复：对方 48 小时内没有来消息，或条数已用完"
    hours, seconds = divmod(int((window.until - now).total_seconds()), 3600)
    time = f"{hours} 小时" if hours else f"{max(1, seconds // 60)} 分钟"
    return f"还可回复 {window.left} 条，{time}后（{clock.local(window.until):%H:%M}）到期"
