"""Return codes: what each errcode of the platform means and how to react to it.

The table follows WeChat's list of global return codes and the lists of single calls
(wechat-platform.md 3.5 and 13). The descriptions are for staff: what is wrong and, where they can
do something, what. An unknown code counts as a fault of the data, so that nothing is retried for
ever, unless it says that WeChat is busy.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Reaction(StrEnum):
    """What to do when the platform answers with a code."""

    RETRY = "retry"  # later, with back-off
    REFRESH_TOKEN = "token"  # fetch the token again once, try once more
    CONFIGURE = "configure"  # nothing works for this account until somebody changes a setting
    QUOTA = "quota"  # wait until the quota is filled again
    RECIPIENT = "recipient"  # this person cannot be reached this way
    DATA = "data"  # what was sent is wrong; the same again will fail again
    BUG = "bug"  # we called wrongly
    MANUAL_ACTION = "human"  # somebody must act in WeChat's console
    SIGN_IN = "sign_in"  # the citizen must go through the web sign-in again
    ALREADY_DONE = "done"  # it was done before, or needs no doing


class RetryAfter(StrEnum):
    """When a quota is filled again, or how long to wait before the next attempt."""

    MINUTE = "minute"
    MINUTES = "minutes"
    HOUR = "hour"
    DAY = "day"
    TOMORROW = "tomorrow"
    NEXT_MONTH = "next_month"


@dataclass(frozen=True, slots=True)
class Meaning:
    """One code: the reaction, a Chinese description, and how long to wait if that is known."""

    reaction: Reaction
    description: str
    retry_after: RetryAfter | None = None


UNKNOWN = Meaning(Reaction.DATA, "微信返回了未登记的错误")
# no list has all codes of this kind (wechat-platform.md 17): the text decides
BUSY = Meaning(Reaction.RETRY, "微信系统繁忙")
_SAYS_BUSY = re.compile(
    r"busy|system error|try (again|later)|later|timeout|overload|系统(繁忙|错误)|稍[后候]",
    re.IGNORECASE,
)

# one letter each, so that a row of the table fits on a line
_R, _T, _C, _Q = Reaction.RETRY, Reaction.REFRESH_TOKEN, Reaction.CONFIGURE, Reaction.QUOTA
_U, _D, _P, _H = Reaction.RECIPIENT, Reaction.DATA, Reaction.BUG, Reaction.MANUAL_ACTION
_S, _K = Reaction.SIGN_IN, Reaction.ALREADY_DONE

_Row = tuple[str, Reaction, str] | tuple[str, Reaction, str, RetryAfter]

# "40004 40005 41001-41009": single codes and ranges, both ends included.
_ROWS: tuple[_Row, ...] = (
    ("-1", _R, "微信系统繁忙"),
    ("49003", _U, "openid 与该账号不匹配"),
    ("63178", _D, "原账号不正确，请核对迁移来源"),
    ("40200", _D, "菜单消息不合规定"),
    ("65320", _D, "微信不再支持此个性化条件，只能按标签设置"),
    ("40001 40014 42001", _T, "接口凭据已失效"),
    ("40002", _P, "凭据类型不正确"),
    ("40003", _U, "openid 不属于该账号"),
    ("40004 40005 40137", _D, "媒体文件类型不支持"),
    ("40006 40009-40012 45001", _D, "媒体文件大小超出限制"),
    ("40007", _D, "素材不存在、已过期或属于其他账号，请重新上传"),
    ("40008", _P, "消息类型不正确"),
    ("40013", _C, "AppID 不正确，请核对账号设置"),
    ("40015-40028", _D, "菜单的结构、名称、键值或链接不合规定"),
    ("40029 40163", _S, "网页授权码无效或已使用，请重新进入页面"),
    ("40030 42002 42003 42007", _S, "网页授权已失效，请重新进入页面"),
    ("40031 40032", _D, "openid 列表不正确或数量超限"),
    ("40033 47002", _P, "请求中含有不允许的转义字符"),
    ("40035 40038", _P, "请求参数或格式不正确"),
    ("40036 40037", _C, "模板不存在，请在该账号重新添加模板"),
    ("40039 40048 45005", _D, "链接过长或不合法"),
    ("40050 40051 40117", _D, "分组不正确"),
    ("40052 40053", _P, "二维码参数不正确"),
    ("40054 40055", _D, "菜单链接的域名不合规定"),
    ("40059", _D, "群发消息编号不正确"),
    ("40060", _D, "文章序号不正确"),
    ("40065 40204", _D, "文章当前状态不允许此操作"),
    ("40066", _D, "链接被微信拦截或不合法"),
    ("40114", _P, "草稿序号不正确"),
    ("40118-40121", _D, "素材编号、按钮类型或素材类型不正确"),
    ("40125", _C, "AppSecret 不正确，请重新填写"),
    ("40130", _P, "按名单群发至少需要两个 openid"),
    ("40132", _D, "微信号不正确"),
    ("40152", _D, "标签不存在"),
    ("40155", _D, "不能包含其他账号主页的链接"),
    ("40164", _C, "服务器 IP 不在该账号的白名单内，请在微信开发者平台添加"),
    ("40243", _C, "AppSecret 已被冻结，请在微信开发者平台解冻"),
    ("40246", _D, "模板关键词不正确"),
    ("41001-41009", _P, "缺少必填参数"),
    ("41018 41021", _P, "缺少第三方平台参数"),
    ("41039", _D, "原文链接不合法"),
    ("42006", _T, "第三方平台凭据已失效"),
    ("42010", _R, "发送过于频繁", RetryAfter.MINUTE),
    ("43001-43003", _P, "请求方式不正确"),
    ("43004 50005", _U, "该用户未关注账号"),
    ("43019", _U, "该用户在黑名单中"),
    ("43101", _U, "该用户未同意接收此通知"),
    ("43100", _H, "模板修改次数已达上限"),
    ("43104", _C, "账号没有此模板权限"),
    ("43106", _C, "账号因违规被限制使用此能力"),
    ("44001-44006", _P, "请求内容为空"),
    ("45002", _D, "文字超出长度限制"),
    ("45003", _D, "标题超出长度限制"),
    ("45004", _D, "摘要超出长度限制"),
    ("45006", _D, "图片链接超出长度限制"),
    ("45007", _D, "语音时长超出限制"),
    ("45008", _P, "图文条数超出限制"),
    ("45009", _Q, "该接口当日调用次数已用完", RetryAfter.TOMORROW),
    ("45010", _D, "菜单数量超出限制"),
    ("45011", _R, "接口调用过于频繁", RetryAfter.MINUTE),
    ("45015", _U, "该用户超过 48 小时未与账号互动，或已取消关注"),
    ("45016 45058", _P, "系统标签不能修改"),
    ("45026", _H, "模板数量已达上限，请在后台清理"),
    ("45027", _H, "模板与账号所属行业不符"),
    ("45028", _Q, "群发次数已用完", RetryAfter.TOMORROW),
    ("45029", _H, "二维码数量已达上限"),
    ("45034 45074", _H, "素材库已满，请清理素材"),
    ("45035 61004", _C, "服务器 IP 未在第三方平台登记"),
    ("45047", _U, "对该用户的客服消息条数已用完，等待其再次互动"),
    ("45056", _D, "标签数量已达上限"),
    ("45057", _H, "标签下粉丝过多，不能删除"),
    ("45059", _D, "该用户的标签数量已达上限"),
    ("45060 48005", _D, "素材正被菜单或自动回复使用，不能删除"),
    ("45062", _H, "内容含协议广告，只能在公众平台发送"),
    ("45064", _C, "小程序未与该账号关联"),
    # done only if the msg_id that comes with it is the delivery's own (wechat-platform.md 17)
    ("45065", _K, "相同的群发已经提交过"),
    ("45066", _R, "重复提交群发过快", RetryAfter.MINUTE),
    ("45067", _P, "群发去重编号过长"),
    ("45072", _P, "输入状态指令不正确"),
    ("45080 45081", _K, "输入状态无需下发"),
    ("45082", _H, "域名需要备案"),
    ("45083-45085", _P, "群发速度参数不正确"),
    ("45087 45094", _H, "账号的客服消息能力被限制"),
    ("45098 45099", _D, "菜单消息的选项过多或过长"),
    ("45110", _D, "作者超出长度限制"),
    ("45113", _H, "卡券消息已停止支持"),
    ("45157", _D, "标签名称不合法"),
    ("45158", _D, "标签名称超出长度限制"),
    ("45159", _D, "标签不存在"),
    ("45166", _D, "文章内容不合规定"),
    ("46001", _D, "素材不存在，请重新上传"),
    ("46002", _D, "菜单版本不存在"),
    ("46003", _D, "账号没有设置菜单"),
    ("46004", _D, "用户不存在"),
    ("47001", _P, "请求内容无法解析"),
    ("47003", _D, "模板内容不符合规定的格式"),
    ("48001", _C, "账号没有此接口的权限，请核对账号类型和认证状态"),
    ("48002", _U, "该用户拒绝接收消息"),
    ("48003", _C, "账号尚未在公众平台同意群发协议"),
    ("48004", _C, "接口已被微信封禁，请登录公众平台查看"),
    ("48006", _Q, "本月接口清零次数已用完", RetryAfter.NEXT_MONTH),
    ("48008", _C, "账号没有此类消息的权限"),
    ("48013 48014", _H, "视频不可用"),
    ("48015", _C, "账号没有留言功能"),
    ("48021 48022", _H, "账号的群发能力受限"),
    ("50001", _U, "用户未授权该接口"),
    ("50002", _C, "账号或用户受到限制，请登录公众平台查看"),
    ("50004", _C, "账号被禁止使用接口凭据"),
    ("53404-53406", _D, "文章中的商品信息不正确"),
    ("53500", _H, "账号的发布功能被封禁"),
    ("53501", _R, "发布过于频繁", RetryAfter.HOUR),
    ("53502 53600", _D, "发布任务或文章不存在"),
    ("53503", _H, "草稿未通过发布检查，请在公众平台处理"),
    ("53504 53505", _H, "请在公众平台处理后再发布"),
    ("61003", _C, "账号未授权给第三方平台，请重新授权"),
    ("61005 61006", _R, "第三方平台凭据尚未送达", RetryAfter.MINUTES),
    ("61007", _C, "账号授权的权限不足，请重新授权"),
    ("61009 61010", _H, "授权码无效或已过期，请重新授权"),
    ("61011", _C, "第三方平台设置不正确"),
    ("61014 61024", _P, "凭据类型与接口不符"),
    ("61016 61017", _C, "权限集未确认或未授权，请重新授权"),
    ("61023", _C, "账号的授权已失效，请重新授权"),
    ("61028", _C, "第三方平台尚未全网发布"),
    ("61450-61457 65400-65417", _H, "客服账号设置有误，请在公众平台核对"),
    ("61500 61501", _P, "统计日期不正确"),
    ("61503", _R, "统计数据尚未生成", RetryAfter.HOUR),
    ("65301-65317", _D, "个性化菜单不合规定"),
    ("76001-76004 76021 76022", _P, "请求编号或接口路径不正确"),
    ("87009", _D, "签名不正确"),
    ("87014", _D, "内容含有违规信息"),
    ("88000-88011", _D, "留言操作不被允许"),
    ("89000-89004", _H, "开放平台绑定关系不正确"),
    ("89501-89505", _H, "等待账号管理员在微信中确认", RetryAfter.MINUTES),
    ("89506", _Q, "管理员拒绝了本服务器的请求，24 小时后可重试", RetryAfter.DAY),
    ("89507", _Q, "管理员拒绝了本服务器的请求，1 小时后可重试", RetryAfter.HOUR),
    ("200011-200022 200100", _H, "订阅通知模板设置有误，请在公众平台核对"),
)


def meaning_of(errcode: int, errmsg: str = "") -> Meaning:
    """The meaning of a code. One that is not in the table is `BUSY` or `UNKNOWN`.

    Busy are negative codes, by which WeChat means itself, and those whose text says so.
    """
    known = MEANINGS.get(errcode)
    if known is not None:
        return known
    return BUSY if errcode < 0 or _SAYS_BUSY.search(errmsg) else UNKNOWN


def _expand_ranges(codes: str) -> Iterator[int]:
    for part in codes.split():
        first, _, last = part[1:].partition("-")
        start = int(part[0] + first)
        yield from range(start, int(last or start) + 1)


MEANINGS: dict[int, Meaning] = {
    code: Meaning(*row[1:]) for row in _ROWS for code in _expand_ranges(row[0])
}
