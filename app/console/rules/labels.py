"""Chinese labels of the values that the pages of rules show: states, modes, fields, conflicts."""

from keywords.publishing.conflicts import ConflictKind
from keywords.rules.inheritance import RuleOrigin
from keywords.rules.listing import ListStatus
from keywords.rules.replies import Choice
from keywords.rules.schedule import Days
from keywords.rules.spec import RuleSpec
from keywords.rules.values import InputKind, MatchMode, RuleScope
from keywords.rules.versions import VersionState

MODES = [
    (f"{InputKind.TEXT}.{MatchMode.CONTAINS}", "包含"),
    (f"{InputKind.TEXT}.{MatchMode.EQUAL}", "整句相同"),
    (f"{InputKind.TEXT}.{MatchMode.PREFIX}", "开头是"),
    (f"{InputKind.TEXT}.{MatchMode.TOGETHER}", "同时含有"),
    (f"{InputKind.TEXT}.{MatchMode.PATTERN}", "正则"),
    (f"{InputKind.CLICK}.{MatchMode.EQUAL}", "点了菜单"),
    (f"{InputKind.CLICK}.{MatchMode.PREFIX}", "点了菜单（开头是）"),
    (f"{InputKind.SCAN}.{MatchMode.EQUAL}", "扫了二维码"),
    (f"{InputKind.SCAN}.{MatchMode.PREFIX}", "扫了二维码（开头是）"),
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
    RuleScope.LOCAL: "只用于归属的单位或账号",
    RuleScope.DEFAULT: "下级也用，下级可以另写一条代替",
    RuleScope.MANDATORY: "下级必须用，不能代替",
}
SCOPE_NAMES = {RuleScope.LOCAL: "本地", RuleScope.DEFAULT: "默认", RuleScope.MANDATORY: "强制"}
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
LIST_STATUSES = {
    ListStatus.LIVE: "生效中",
    ListStatus.WAITING: "等待审核",
    ListStatus.EDITED: "有未发布的修改",
    ListStatus.RETURNED: "被退回",
    ListStatus.NEW: "还没发布过",
    ListStatus.OFF: "已停用",
}
VERSION_STATES = {
    VersionState.DRAFT: ("草稿", "secondary"),
    VersionState.SUBMITTED: ("等待审核", "yellow"),
    VersionState.PUBLISHED: ("已发布", "green"),
    VersionState.REJECTED: ("被退回", "red"),
    VersionState.WITHDRAWN: ("已撤回", "secondary"),
    VersionState.SUPERSEDED: ("已被替换", "secondary"),
}
RULE_STATES = {
    "live": ("生效中", "green"),
    "off": ("已停用", "secondary"),
    "draft": ("未发布", "blue"),
}
ORIGINS = {
    RuleOrigin.ACCOUNT: "本账号自己的",
    RuleOrigin.DEPARTMENT: "本单位的",
    RuleOrigin.BELOW: "下级单位的",
    RuleOrigin.MANDATORY: "上级规定必须用的",
    RuleOrigin.DEFAULT: "上级默认的",
}
CONFLICT_TEXTS = {
    ConflictKind.ANSWERED_BY_OTHER: "市民写“{word}”时，答的会是这条，而不是您的",
    ConflictKind.ANSWERS_FOR_OTHER: "市民写“{other_word}”，现在由这条答复，发布后改由您的答",
    ConflictKind.SAME_KEYWORD: "也有关键词“{word}”",
    ConflictKind.PATTERN_MATCHES: "您的正则会把它的“{other_word}”也算进来",
    ConflictKind.CONTAINS_OTHER: "您的“{word}”里含有它的“{other_word}”",
    ConflictKind.CONTAINED_IN_OTHER: "它的“{other_word}”里含有您的“{word}”",
}
SEVERE_CONFLICTS = (
    ConflictKind.ANSWERED_BY_OTHER,
    ConflictKind.ANSWERS_FOR_OTHER,
    ConflictKind.PATTERN_MATCHES,
)
# what pages of differences call a field, by its name
FIELDS = {"owner": "归属"} | {
    name: field.title or name for name, field in RuleSpec.model_fields.items()
}
# by the text that a `FieldDiff` holds: differences are plain values and know no enums
_VALUE_LABELS = {
    "scope": {scope.value: SCOPES[scope] for scope in RuleScope},
    "days": {day.value: DAYS[day] for day in Days},
    "choice": {choice.value: CHOICES[choice] for choice in Choice},
    "weekdays": {str(number): name for number, name in WEEKDAYS},
}


def value_text(field: str, value: str) -> str:
    """The label of a value that a `FieldDiff` holds; the value itself where it needs none."""
    return _VALUE_LABELS.get(field, {}).get(value, value)
