"""Names of the background jobs and of the alerts that are about accounts."""

from config.alerts import AlertKind
from config.jobs import JobName


class AccountJob(JobName):
    """Jobs about one account, or about all of them."""

    CONNECT = "accounts.connect", "读取账号原有的菜单和自动回复"
    CHECK_CONNECTION = "accounts.check_connection", "核对账号连接"
    CHECK_ALL = "accounts.check_all", "定时核对所有账号"
    VERIFY_SECRET = "accounts.verify_secret", "验证新的 AppSecret"
    CREATE_QRCODE = "accounts.create_qrcode", "生成账号二维码"
    CLEAR_QUOTA = "accounts.clear_quota", "清零接口调用次数"
    WARN_EXPIRING_VERIFICATION = "accounts.warn_expiring_verification", "提醒认证到期"


class AccountAlert(AlertKind):
    """What staff must look at in an account."""

    CONNECTION_FAILED = "account.connection_failed", "账号连接失败"
    IMPORT_INCOMPLETE = "account.import_incomplete", "自动回复迁移不完整"
    VERIFICATION_EXPIRING = "account.verification_expiring", "微信认证到期"
