"""How the pages of rules call things: for people who have never seen code."""

from dataclasses import dataclass

from app.live import Live
from config.tenancy import Area
from keywords.conflicts import Clash
from keywords.history import State
from keywords.listing import Standing
from keywords.placement import Origin
from keywords.replies import Choice
from keywords.rules import Kind, Mode, Scope
from keywords.schedule import Days

MODES = [
    (f"{Kind.TEXT}.{Mode.CONTAINS}", "包含"),
    (f"{Kind.TEXT}.{Mode.EQUAL}", "整句相同"),
    (f"{Kind.TEXT}.{Mode.PREFIX}", "开头是"),
    (f"{Kind.TEXT}.{Mode.TOGETHER}", "同时含有"),
    (f"{Kind.TEXT}.{Mode.PATTERN}", "正则"),
    (f"{Kind.CLICK}.{Mode.EQUAL}", "点了菜单"),
    (f"{Kind.CLICK}.{Mode.PREFIX}", "点了菜单（开头是）"),
    (f"{Kind.SCAN}.{Mode.EQUAL}", "扫了二维码"),
    (f"{Kind.SCAN}.{Mode.PREFIX}", "扫了二维码（开头是）"),
]
MODE_HELP = [
    ("包含", "市民的话里有这个词就算，最常用。谐音、拼音和方言会自动认出来。"),
    ("整句相同", "整句话就是这个词才算，多一个字都不算。"),
    ("开头是", "话的开头是这个词才算。"),
    (
        "同时含有",
        "几组词都要出现，先后不限：组之间空一格，同组的不同说法用竖线隔开，如“水|自来水 停|断”。",
    ),
    ("正则", "给懂正则表达式的人用，一般用不着。"),
    ("点了菜单", "填菜单按钮的标识。"),
    ("扫了二维码", "填参数二维码的场景。"),
]
SCOPES = {
    Scope.LOCAL: "只用于归属的单位或账号",
    Scope.DEFAULT: "下级也用，下级可以另写一条代替",
    Scope.MANDATORY: "下级必须用，不能代替",
}
SCOPE_NAMES = {Scope.LOCAL: "本地", Scope.DEFAULT: "默认", Scope.MANDATORY: "强制"}
CHOICES = {
    Choice.FIRST: "发第一条能发的",
    Choice.ALL: "全部都发",
    Choice.RANDOM: "随机发一条",
}
DAYS = {Days.ANY: "每天", Days.WORKDAYS: "只在工作日（含调休上班）", Days.RESTDAYS: "只在休息日"}
WEEKDAYS = [(number, f"周{name}") for number, name in enumerate("一二三四五六日", 1)]
REPLIES = [
    ("text", "文字"),
    ("news", "图文链接"),
    ("image", "图片"),
    ("voice", "语音"),
    ("video", "视频"),
    ("music", "音乐"),
    ("transfer", "转给人工"),
]
STANDINGS = {
    Standing.LIVE: "生效中",
    Standing.WAITING: "等待审核",
    Standing.EDITED: "有未发布的修改",
    Standing.RETURNED: "被退回",
    Standing.NEW: "还没发布过",
    Standing.OFF: "已停用",
}
VERSION_STATES = {
    State.DRAFT: ("草稿", "secondary"),
    State.SUBMITTED: ("等待审核", "yellow"),
    State.PUBLISHED: ("已发布", "green"),
    State.REJECTED: ("被退回", "red"),
    State.WITHDRAWN: ("已撤回", "secondary"),
    State.SUPERSEDED: ("已被替换", "secondary"),
}
RULE_STATES = {
    "live": ("生效中", "green"),
    "off": ("已停用", "secondary"),
    "draft": ("未发布", "blue"),
}
ORIGINS = {
    Origin.ACCOUNT: "本账号自己的",
    Origin.DEPARTMENT: "本单位的",
    Origin.BELOW: "下级单位的",
    Origin.MANDATORY: "上级规定必须用的",
    Origin.DEFAULT: "上级默认的",
}
CLASHES = {
    Clash.TAKEN: "市民写“{word}”时，答的会是这条，而不是您的",
    Clash.TAKES: "市民写“{other_word}”，现在由这条答复，发布后改由您的答",
    Clash.SAME: "也有关键词“{word}”",
    Clash.SWALLOWS: "您的正则会把它的“{other_word}”也算进来",
    Clash.HOLDS: "您的“{word}”里含有它的“{other_word}”",
    Clash.WITHIN: "它的“{other_word}”里含有您的“{word}”",
}
GRAVE = (Clash.TAKEN, Clash.TAKES, Clash.SWALLOWS)
FIELDS = {
    "name": "名称",
    "owner": "归属",
    "scope": "适用范围",
    "keywords": "关键词",
    "required": "还须含有其中之一",
    "excluded": "含有这些就不答",
    "priority": "优先级",
    "weekdays": "星期",
    "hours": "时段",
    "days": "哪些日子",
    "valid_from": "开始日期",
    "valid_to": "截止日期",
    "choice": "多条回复时",
    "replies": "回复",
    "samples": "例句",
    "overrides": "代替上级的规则",
    "service": "相关办事指南",
    "review_by": "复核日期",
}
_VALUES = {
    "scope": {scope.value: SCOPES[scope] for scope in Scope},
    "days": {day.value: DAYS[day] for day in Days},
    "choice": {choice.value: CHOICES[choice] for choice in Choice},
    "weekdays": {str(number): name for number, name in WEEKDAYS},
}


def shown(field: str, value: str) -> str:
    """A value of a difference as people read it."""
    return _VALUES.get(field, {}).get(value, value)


@dataclass(frozen=True)
class Owner:
    """Whose a rule is: a department's, an account's, or (neither) the whole city's."""

    department_id: int | None = None
    account_id: int | None = None

    @property
    def key(self) -> str:
        """As a form names it: city, d3, a5."""
        if self.account_id is not None:
            return f"a{self.account_id}"
        return "city" if self.department_id is None else f"d{self.department_id}"

    @classmethod
    def of(cls, key: str) -> "Owner":
        """The owner that a form names; nonsense is nobody at all: department 0."""
        number = int(key[1:]) if key[1:].isdecimal() else 0
        if key[:1] == "a":
            return cls(account_id=number)
        return cls() if key == "city" else cls(department_id=number)

    def name(self, live: Live) -> str:
        """What people call the owner."""
        if self.account_id is not None:
            found = (one.name for one in live.accounts.values() if one.id == self.account_id)
            return f"账号 {next(found, '')}"
        if self.department_id is None:
            return "全市"
        return live.names.get(self.department_id, "")

    def chain(self, live: Live) -> tuple[int, ...]:
        """The departments from the owner's own upwards."""
        own = self.department_id
        for account in live.accounts.values():
            if account.id == self.account_id:
                own = account.department_id
        return () if own is None else (own, *live.tree.above(own))


def owners(live: Live, area: Area) -> list[tuple[str, str]]:
    """The owners inside an area, as choices of a form: the city, departments, accounts."""
    found = [(Owner().key, "全市")] if area.everywhere else []
    for root in sorted(key for key, parent in live.tree.parents.items() if parent is None):
        for department_id in live.tree.within(root):
            if area.holds(department_id=department_id):
                name = live.names.get(department_id, "")
                found.append((Owner(department_id).key, name))
    found += [
        (Owner(account_id=account.id).key, f"只给账号 {account.name}")
        for account in sorted(live.accounts.values(), key=lambda one: one.id)
        if area.holds(account_id=account.id)
    ]
    return found
