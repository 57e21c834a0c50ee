"""Jobs that check how an account is connected to WeChat, and record what WeChat answers.

    check_connection        token? allow-list? rights? quota? ──> an alert when nothing works
    import_console_content  menu and automatic replies of WeChat's own console ──> ours
    verify_secret           a token for the new AppSecret? ──> it replaces the old one, or not

All are jobs, because a page must not wait for WeChat. On a temporary error the checks stay in
WAITING and the job is retried.
"""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from app import wechat_import
from config import alerts, clock, jobs
from config.database import read_only, session, transaction
from matrix import accounts, menus
from matrix.accounts import Account, connection_checks, key_rotation
from matrix.accounts.connection_checks import CheckKind, CheckState
from matrix.accounts.jobs_and_alerts import AccountAlert, AccountJob
from matrix.health import health, statistics
from matrix.wechat import gateway
from matrix.wechat.credentials import Credentials

CUSTOMER_SERVICE_SEND_PATH = "/cgi-bin/message/custom/send"
# WeChat's return code; its text names the address it saw, which staff have to enter there
_IP_NOT_ALLOWED = 40164
_TOKEN_OK_TEXT = "AppSecret 正确，接口凭据已取得。"
_SCENE = "account"
_CHECKED_KINDS = (CheckKind.TOKEN, CheckKind.ALLOW_LIST, CheckKind.ABILITY)
# nothing can be read before the AppID, the AppSecret and the allow-list are right
_CREDENTIAL_ERRORS = frozenset({40013, 40125, 40164, 40243})


class _CheckResult(NamedTuple):
    """The result of one check."""

    kind: CheckKind
    state: CheckState
    message: str
    facts: dict[str, object]


def request_check(account: Account, *, now: datetime) -> None:
    """Enqueue all checks of an account."""
    # a failed import waits again, so that `_follow_up` requests it once a token can be had
    imported = connection_checks.by_account([account.id]).get(account.id, {}).get(CheckKind.IMPORT)
    if imported is not None and imported.state is CheckState.FAILED:
        connection_checks.mark_waiting(account.id, (CheckKind.IMPORT,), "正在核对…", now=now)
    _enqueue_check(account, now)


def _enqueue_check(account: Account, now: datetime) -> None:
    connection_checks.mark_waiting(account.id, _CHECKED_KINDS, "正在核对…", now=now)
    _enqueue(AccountJob.CHECK_CONNECTION, account.id)


def request_qrcode(account: Account) -> None:
    """Enqueue the creation of the account's own QR code, unless there is one."""
    if not account.qr_url:
        _enqueue(AccountJob.CREATE_QRCODE, account.id)


def request_quota_reset(account: Account) -> None:
    """Enqueue a reset of today's API counters of an account; WeChat allows ten a month."""
    _enqueue(AccountJob.CLEAR_QUOTA, account.id)


def _enqueue(name: AccountJob, account_id: int) -> None:
    # one job for each account and name, however often a button is pressed
    jobs.enqueue(name, key=f"{name}:{account_id}", account_id=account_id)


def check_connection(*, account_id: int, now: datetime) -> None:
    """Run all checks of an account and record them. Raises Temporary to be tried again."""
    with read_only():
        account = accounts.get(account_id)
        # plain values for the calls below, during which no transaction is open
        credentials, is_verified = accounts.credentials(account_id), account.verified
    try:
        results = _run_checks(credentials, is_verified=is_verified)
    except gateway.Temporary as error:
        with transaction():
            connection_checks.update_waiting_message(account_id, f"{error}系统会自动再试。")
        # the state stays WAITING, and the job's retries do the rest
        raise
    with transaction():
        for result in results:
            connection_checks.record(
                account_id, result.kind, result.state, result.message, now=now, **result.facts
            )
        # read again: minutes may have passed since, and the account may have been renamed or
        # moved
        _follow_up(accounts.get(account_id), results, now)


def _run_checks(credentials: Credentials, *, is_verified: bool) -> list[_CheckResult]:
    try:
        # The token comes first: without one WeChat answers every other call with the same error,
        # which would tell staff nothing.
        expires_at = gateway.verify_credentials(credentials)
    except gateway.NotAuthorised as error:
        return _results_without_token(error)
    return [
        _CheckResult(
            CheckKind.TOKEN, CheckState.OK, _TOKEN_OK_TEXT, {"until": expires_at.isoformat()}
        ),
        _CheckResult(CheckKind.ALLOW_LIST, CheckState.OK, "本系统的出口地址已在白名单内。", {}),
        _check_api_rights(credentials, is_verified=is_verified),
        *_check_quota(credentials),
    ]


def _results_without_token(error: gateway.NotAuthorised) -> list[_CheckResult]:
    later = _CheckResult(CheckKind.ABILITY, CheckState.WAITING, "取得接口凭据后自动核对。", {})
    if error.errcode != _IP_NOT_ALLOWED:
        waiting = _CheckResult(
            CheckKind.ALLOW_LIST, CheckState.WAITING, "AppSecret 正确后自动核对。", {}
        )
        return [_CheckResult(CheckKind.TOKEN, CheckState.FAILED, str(error), {}), waiting, later]
    ip = str(error.facts.get("ip", ""))
    message = f"微信看到的本系统地址是 {ip}，请把它加入该账号的 IP 白名单，几分钟后重新检查。"
    # refused for the address: whether the secret is right, this answer does not say
    waiting = _CheckResult(CheckKind.TOKEN, CheckState.WAITING, "加入 IP 白名单后自动核对。", {})
    return [
        waiting,
        _CheckResult(CheckKind.ALLOW_LIST, CheckState.FAILED, message, {"ip": ip}),
        later,
    ]


def _check_api_rights(credentials: Credentials, *, is_verified: bool) -> _CheckResult:
    try:
        has_rights = gateway.has_verified_rights(credentials)
    except gateway.NotAuthorised as error:
        return _CheckResult(CheckKind.ABILITY, CheckState.FAILED, str(error), {})
    if has_rights == is_verified:
        message = "与微信开放的接口一致。" if is_verified else "未认证账号，只能被动回复。"
        return _CheckResult(CheckKind.ABILITY, CheckState.OK, message, {})
    if is_verified:
        message = "登记为已认证，但微信没有开放认证账号的接口，请核对认证状态。"
    else:
        message = "登记为未认证，但微信已开放认证账号的接口，请修改登记。"
    return _CheckResult(CheckKind.ABILITY, CheckState.FAILED, message, {})


def _check_quota(credentials: Credentials) -> list[_CheckResult]:
    try:
        counter = gateway.get_quota(credentials, CUSTOMER_SERVICE_SEND_PATH)
    except (gateway.NotAuthorised, gateway.Refused):
        return []  # an account without this call has no counter for it
    facts: dict[str, object] = {"left": counter.left, "daily": counter.daily}
    return [_CheckResult(CheckKind.QUOTA, CheckState.OK, "", facts)]


def _follow_up(account: Account, results: list[_CheckResult], now: datetime) -> None:
    """Raise or resolve the alert, and import what could not be imported before."""
    failed = [
        result
        for result in results
        # a difference in rights is a wrong entry in our list of accounts; the account itself
        # works
        if result.kind is not CheckKind.ABILITY and result.state is CheckState.FAILED
    ]
    if failed:
        _alert(account, failed[0].message, now)
        return
    alerts.resolve_automatically(AccountAlert.CONNECTION_FAILED, account.appid, now=now)
    # WeChat may have refused the import while its token could not be had
    imported = connection_checks.by_account([account.id]).get(account.id, {}).get(CheckKind.IMPORT)
    if imported is None or imported.state is CheckState.WAITING:
        _enqueue(AccountJob.CONNECT, account.id)


def _alert(account: Account, message: str, now: datetime) -> None:
    alerts.raise_alert(
        AccountAlert.CONNECTION_FAILED,
        account.appid,
        f"{account.name}：{message}",
        now=now,
        department_id=account.department_id,
        account_id=account.id,
        object_id=account.id,
    )


def import_console_content(*, account_id: int, now: datetime) -> None:
    """Take over what an account's own console had: its menu, and its auto-replies as drafts.

    WeChat stops using them when our address is set, so they are read as soon as it is known.
    """
    with read_only():
        credentials = accounts.credentials(account_id)
    try:
        # both before the first row is written: a temporary error between them repeats the whole
        # job
        replies = gateway.get_auto_replies(credentials)
        menu = gateway.get_current_menu(credentials)
    except gateway.NotAuthorised as error:
        with transaction():
            account = accounts.get(account_id)
            if error.errcode in _CREDENTIAL_ERRORS:
                _alert(account, str(error), now)
                message, state = "取得接口凭据后自动读取。", CheckState.WAITING
            else:
                message, state = str(error), CheckState.FAILED
            connection_checks.record(account_id, CheckKind.IMPORT, state, message, now=now)
            _enqueue_first_check(account, now)
        return
    with transaction():
        account = accounts.get(account_id)
        wechat_import.import_replies(account, replies, now=now)
        menu_taken = menus.import_current(account_id, menu.buttons, now=now) is not None
        message = f"已读取，{len(replies.rules)} 条自动回复存为草稿{'，菜单已接管' * menu_taken}。"
        connection_checks.record(account_id, CheckKind.IMPORT, CheckState.OK, message, now=now)
        _enqueue_first_check(account, now)


def _enqueue_first_check(account: Account, now: datetime) -> None:
    """Enqueue the other checks as well, unless they ran before."""
    if CheckKind.TOKEN not in connection_checks.by_account([account.id]).get(account.id, {}):
        _enqueue_check(account, now)


def verify_secret(*, account_id: int, now: datetime) -> None:
    """Verify a proposed AppSecret by fetching a token. Raises Temporary to be tried again."""
    with read_only():
        secret = accounts.get(account_id).pending_secret
        credentials = accounts.credentials(account_id)
    if secret is None:
        return
    try:
        gateway.verify_credentials(replace(credentials, secret=secret))
    except gateway.NotAuthorised as error:
        with transaction():
            if key_rotation.reject_secret(account_id, secret):
                message = f"{error} 原来的 AppSecret 仍在使用。"
                connection_checks.record(
                    account_id, CheckKind.SECRET, CheckState.FAILED, message, now=now
                )
        return
    except gateway.Temporary as error:
        message = f"{error}系统会自动再试。"
        with transaction():
            connection_checks.record(
                account_id, CheckKind.SECRET, CheckState.WAITING, message, now=now
            )
        raise
    with transaction():
        # compares with the secret that was tried: meanwhile somebody may have entered another one
        if key_rotation.accept_secret(account_id, secret, now=now):
            message = "新的 AppSecret 正确，已启用。"
            connection_checks.record(account_id, CheckKind.SECRET, CheckState.OK, message, now=now)
            request_check(accounts.get(account_id), now=now)


def clear_quota(*, account_id: int, now: datetime) -> None:
    """Reset today's API counters; records a failed check when the month's ten are used up."""
    with read_only():
        credentials = accounts.credentials(account_id)
    try:
        gateway.clear_quota(credentials)
        (results,) = _check_quota(credentials)
    except gateway.QuotaUsed as error:
        results = _CheckResult(CheckKind.QUOTA, CheckState.FAILED, str(error), {})
    with transaction():
        connection_checks.record(
            account_id, results.kind, results.state, results.message, now=now, **results.facts
        )


def create_account_qrcode(*, account_id: int, now: datetime) -> None:
    """Create the account's own permanent QR code, once. Raises Temporary to be tried again."""
    with read_only():
        # A permanent code cannot be deleted and an account may have 100,000 of them: a second one
        # would be spent for ever.
        if accounts.get(account_id).qr_url:
            return
        credentials = accounts.credentials(account_id)
    code = gateway.create_permanent_qrcode(credentials, _SCENE)
    with transaction():
        accounts.set_qr_url(account_id, url=code.url)


def update_statistics(*, now: datetime) -> None:
    """Compute the figures of the health board."""
    with read_only():
        # computed in a read-only transaction, so that on SQLite no push waits for the sums
        found = statistics.compute(now=now)
    with transaction():
        statistics.save(found, now=now)


def check_all(*, now: datetime) -> None:
    """Enqueue the checks of every account that is not paused."""
    active = select(Account.id).where(Account.state == accounts.AccountState.ACTIVE)
    # only enqueued here: each check calls WeChat, and one that is slow must not delay the others
    for account_id in session.scalars(active.order_by(Account.id)):
        _enqueue(AccountJob.CHECK_CONNECTION, account_id)


def warn_expiring_verification(*, now: datetime) -> None:
    """Raise an alert for each account whose verification ends within a month, or has ended."""
    last = clock.local_day(now + health.VERIFICATION_WARN_BEFORE)
    # an account that was never verified has NULL here, which the comparison leaves out
    for account in session.scalars(select(Account).where(Account.verified_until <= last)):
        alerts.raise_alert(
            AccountAlert.VERIFICATION_EXPIRING,
            account.appid,
            f"{account.name}的微信认证于 {account.verified_until:%Y-%m-%d} 到期，请及时年审",
            now=now,
            department_id=account.department_id,
            account_id=account.id,
            object_id=account.id,
        )
