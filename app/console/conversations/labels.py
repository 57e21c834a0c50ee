"""Chinese labels of what a conversation shows: outcomes, states, kinds of messages, events."""

from datetime import datetime

from config import clock
from matrix.blocklist import WechatBlacklistState
from matrix.conversations import ThreadLine
from matrix.followers import Window
from matrix.inbox import Outcome
from matrix.outbound import OutboundState

OUTCOMES = {
    Outcome.RULE: "关键词已答复",
    Outcome.SUGGESTION: "给了相近问题",
    Outcome.FALLBACK: "没有答上",
    Outcome.EMERGENCY: "紧急",
    Outcome.WELCOME: "欢迎语",
    Outcome.SILENT: "没有回复",
    Outcome.INFORMATION: "用单位资料答复",
    Outcome.SMALL_TALK: "寒暄",
    Outcome.FOR_STAFF: "请人工查看",
    Outcome.NOT_SHOWN: "无法显示",
}
OUTCOME_COLOURS = {
    Outcome.RULE: "green",
    Outcome.SUGGESTION: "yellow",
    Outcome.FALLBACK: "orange",
    Outcome.EMERGENCY: "red",
    Outcome.INFORMATION: "green",
    Outcome.FOR_STAFF: "orange",
}
STATES = {
    OutboundState.QUEUED: "正在发送",
    OutboundState.SENDING: "正在发送",
    OutboundState.SENT: "已送达微信",
    OutboundState.REFUSED: "未发出",
    OutboundState.UNCONFIRMED: "未确认，可能已送达",
}
KINDS = {
    "text": "文字",
    "image": "图片",
    "voice": "语音",
    "video": "视频",
    "short_video": "小视频",
    "location": "位置",
    "link": "链接",
    "file": "文件",
    "mini_program_card": "小程序卡片",
    "unsupported": "微信没有传来的内容",
    "music": "音乐",
    "news": "图文",
    "transfer_customer_service": "转给微信客服",
    "unknown": "回复内容无法显示",
}
WECHAT_BLACKLIST = {
    WechatBlacklistState.NONE: "",
    WechatBlacklistState.ADDING: "正在加入微信黑名单",
    WechatBlacklistState.DONE: "已加入微信黑名单",
    WechatBlacklistState.REMOVING: "正在移出微信黑名单",
    WechatBlacklistState.FAILED: "微信黑名单未生效",
}
_EVENT_TEXTS = {
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


def event_text(line: ThreadLine) -> str:
    """What the citizen did, with the menu key, scene or place where the event has one."""
    text = _EVENT_TEXTS.get(line.kind, "有一次操作")
    return f"{text}：{line.text}" if line.text else text


def window_text(window: Window, *, now: datetime) -> str:
    """How many replies may still be sent, and until when."""
    if not window.left or window.until is None:
        return "现在不能回复：对方 48 小时内没有来消息，或条数已用完"
    # WeChat's limits: five messages within 48 hours of the citizen's last one
    hours, seconds = divmod(int((window.until - now).total_seconds()), 3600)
    time = f"{hours} 小时" if hours else f"{max(1, seconds // 60)} 分钟"
    return f"还可回复 {window.left} 条，{time}后（{clock.local(window.until):%H:%M}）到期"
