"""What the pages of accounts call kinds, modes, health levels and to-dos."""

from matrix.accounts import AccountKind
from matrix.accounts.todos import TodoKind
from matrix.health.health import HealthLevel
from matrix.wechat.envelope import EncryptionMode

# by value, as form fields hold it
KIND_LABELS = {AccountKind.SERVICE.value: "服务号", AccountKind.SUBSCRIPTION.value: "订阅号"}
MODE_LABELS = {
    EncryptionMode.SAFE.value: "安全模式（推荐）",
    EncryptionMode.COMPATIBLE.value: "兼容模式",
    EncryptionMode.PLAIN.value: "明文模式",
}
# with the colour of the badge
LEVEL_LABELS = {
    HealthLevel.BAD: ("需处理", "red"),
    HealthLevel.WARN: ("留意", "yellow"),
    HealthLevel.OK: ("正常", "green"),
}
TODO_LABELS = {
    TodoKind.KEYS: "更换 Token 和 EncodingAESKey",
    TodoKind.SECRET: "更换 AppSecret",
}
