"""Connecting: asking WeChat how an account is connected, and writing down what it says.

    check ──> token? allow-list? rights? quota? ──> probes, an alarm when nothing works
    connect ──> menu and automatic replies of WeChat's own console ──> ours
    prove_secret ──> a token for the new AppSecret? ──> it takes the place of the old, or not

All are jobs: a page asks no stranger. Temporary trouble leaves the questions waiting and comes
again later.
"""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from app import adoption
from config import alarms, clock, jobs
from config.database import reading, session, transaction
from matrix import accounts, board, keys, menus, probes, surveys
from matrix.accounts import Account
from matrix.probes import Kind, State
from matrix.wechat import gateway
from matrix.wechat.credentials import Credentials

PATROL = "accounts.patrol"
REMIND = "accounts.remind"
DRAW = "accounts.draw"
CLEAR = "accounts.clear_quota"

SEND = "/cgi-bin/message/custom/send"
_UNCONNECTED = "account.unconnected"
_VERIFICATION = "account.verification"
_NOT_LISTED = 40164
_TOKEN_OK = "AppSecret 正确，接口凭据已取得。"
_SCENE = "account"
_ASKED = (Kind.TOKEN, Kind.ALLOW_LIST, Kind.ABILITY)
# nothing can be read before the AppID, the AppSecret and the allow-list are right
_BEFORE_TOKEN = frozenset({40013, 40125, 40164, 40243})


class _Said(NamedTuple):
    """What WeChat answered to one question."""

    kind: Kind
    state: State
    words: str
    facts: dict[str, object]


def ask_again(account: Account, *, now: datetime) -> None:
    """Have all questions about an account asked anew, soon after the commit."""
    imported = probes.of_accounts([account.id]).get(account.id, {}).get(Kind.IMPORT)
    if imported is not None and imported.state is State.FAILED:
        probes.waits(account.id, (Kind.IMPORT,), "正在核对…", now=now)
    _ask(account, now)


def _ask(account: Account, now: datetime) -> None:
    probes.waits(account.id, _ASKED, "正在核对…", now=now)
    jobs.enqueue(probes.CHECK, key=f"{probes.CHECK}:{account.id}", account_id=account.id)


def ask_code(account: Account) -> None:
    """Have the account's own QR code made, unless there is one."""
    if not account.qr_url:
        jobs.enqueue(DRAW, key=f"{DRAW}:{account.id}", account_id=account.id)


def ask_clearing(account: Account) -> None:
    """Have today's counters of an account set to zero; ten times a month."""
    jobs.enqueue(CLEAR, key=f"{CLEAR}:{account.id}", account_id=account.id)


def check(*, account_id: int, now: datetime) -> None:
    """Ask WeChat about an account and note the answers. Raises Temporary to come again."""
    with reading():
        account = accounts.get(account_id)
        credentials, is_verified = accounts.credentials(account_id), account.verified
    try:
        said = _asked(credentials, is_verified=is_verified)
    except gateway.Temporary as error:
        with transaction():
            probes.shelve(account_id, f"{error}系统会自动再试。")
        raise
    with transaction():
        for one in said:
            probes.note(account_id, one.kind, one.state, one.words, now=now, **one.facts)
        _follow_up(accounts.get(account_id), said, now)


def _asked(credentials: Credentials, *, is_verified: bool) -> list[_Said]:
    try:
        until = gateway.prove(credentials)
    except gateway.NotAuthorised as error:
        return _no_token(error)
    return [
        _Said(Kind.TOKEN, State.OK, _TOKEN_OK, {"until": until.isoformat()}),
        _Said(Kind.ALLOW_LIST, State.OK, "本系统的出口地址已在白名单内。", {}),
        _ability(credentials, is_verified=is_verified),
        *_quota(credentials),
    ]


def _no_token(error: gateway.NotAuthorised) -> list[_Said]:
    later = _Said(Kind.ABILITY, State.WAITING, "取得接口凭据后自动核对。", {})
    if error.errcode != _NOT_LISTED:
        waits = _Said(Kind.ALLOW_LIST, State.WAITING, "AppSecret 正确后自动核对。", {})
        return [_Said(Kind.TOKEN, State.FAILED, str(error), {}), waits, later]
    ip = str(error.facts.get("ip", ""))
    words = f"微信看到的本系统地址是 {ip}，请把它加入该账号的 IP 白名单，几分钟后重新检查。"
    waits = _Said(Kind.TOKEN, State.WAITING, "加入 IP 白名单后自动核对。", {})
    return [waits, _Said(Kind.ALLOW_LIST, State.FAILED, words, {"ip": ip}), later]


def _ability(credentials: Credentials, *, is_verified: bool) -> _Said:
    try:
        has_rights = gateway.has_verified_rights(credentials)
    except gateway.NotAuthorised as error:
        return _Said(Kind.ABILITY, State.FAILED, str(error), {})
    if has_rights == is_verified:
        words = "与微信开放的接口一致。" if is_verified else "未认证账号，只能被动回复。"
        return _Said(Kind.ABILITY, State.OK, words, {})
    if is_verified:
        words = "登记为已认证，但微信没有开放认证账号的接口，请核对认证状态。"
    else:
        words = "登记为未认证，但微信已开放认证账号的接口，请修改登记。"
    return _Said(Kind.ABILITY, State.FAILED, words, {})


def _quota(credentials: Credentials) -> list[_Said]:
    try:
        counter = gateway.quota(credentials, SEND)
    except (gateway.NotAuthorised, gateway.Refused):
        return []  # an account without this call has no counter for it
    facts: dict[str, object] = {"left": counter.left, "daily": counter.daily}
    return [_Said(Kind.QUOTA, State.OK, "", facts)]


def _follow_up(account: Account, said: list[_Said], now: datetime) -> None:
    """Cry when nothing works, stop crying when it does, and go on where connecting stood still."""
    failed = [one for one in said if one.kind is not Kind.ABILITY and one.state is State.FAILED]
    if failed:
        _cry(account, failed[0].words, now)
        return
    alarms.over(_UNCONNECTED, account.appid, now=now)
    imported = probes.of_accounts([account.id]).get(account.id, {}).get(Kind.IMPORT)
    if imported is None or imported.state is State.WAITING:
        _enqueue_connect(account.id)


def _enqueue_connect(account_id: int) -> None:
    jobs.enqueue(accounts.CONNECT, key=f"{accounts.CONNECT}:{account_id}", account_id=account_id)


def _cry(account: Account, words: str, now: datetime) -> None:
    alarms.raise_alarm(
        _UNCONNECTED,
        account.appid,
        f"{account.name}：{words}",
        now=now,
        department_id=account.department_id,
    )


def connect(*, account_id: int, now: datetime) -> None:
    """Take over what an account's own console had: its menu, and its auto-replies as drafts.

    WeChat stops using them when our address is set, so they are read as soon as it is known.
    """
    with reading():
        credentials = accounts.credentials(account_id)
    try:
        replies = gateway.auto_replies(credentials)
        menu = gateway.console_menu(credentials)
    except gateway.NotAuthorised as error:
        with transaction():
            account = accounts.get(account_id)
            if error.errcode in _BEFORE_TOKEN:
                _cry(account, str(error), now)
                words, state = "取得接口凭据后自动读取。", State.WAITING
            else:
                words, state = str(error), State.FAILED
            probes.note(account_id, Kind.IMPORT, state, words, now=now)
            _ask_first(account, now)
        return
    with transaction():
        account = accounts.get(account_id)
        adoption.adopt_replies(account, replies, now=now)
        menu_taken = menus.adopt(account_id, menu.buttons, now=now) is not None
        words = f"已读取，{len(replies.rules)} 条自动回复存为草稿{'，菜单已接管' * menu_taken}。"
        probes.note(account_id, Kind.IMPORT, State.OK, words, now=now)
        _ask_first(account, now)


def _ask_first(account: Account, now: datetime) -> None:
    """Ask the other questions as well, unless they were asked before."""
    if Kind.TOKEN not in probes.of_accounts([account.id]).get(account.id, {}):
        _ask(account, now)


def prove_secret(*, account_id: int, now: datetime) -> None:
    """Have WeChat say whether a new AppSecret is right. Raises Temporary to come again."""
    with reading():
        secret = accounts.get(account_id).pending_secret
        credentials = accounts.credentials(account_id)
    if secret is None:
        return
    try:
        gateway.prove(replace(credentials, secret=secret))
    except gateway.NotAuthorised as error:
        with transaction():
            if keys.refuse_secret(account_id, secret):
                words = f"{error} 原来的 AppSecret 仍在使用。"
                probes.note(account_id, Kind.SECRET, State.FAILED, words, now=now)
        return
    except gateway.Temporary as error:
        words = f"{error}系统会自动再试。"
        with transaction():
            probes.note(account_id, Kind.SECRET, State.WAITING, words, now=now)
        raise
    with transaction():
        if keys.accept_secret(account_id, secret, now=now):
            words = "新的 AppSecret 正确，已启用。"
            probes.note(account_id, Kind.SECRET, State.OK, words, now=now)
            ask_again(accounts.get(account_id), now=now)


def clear_quota(*, account_id: int, now: datetime) -> None:
    """Set today's counters to zero. When the month's ten are used up, the board says so."""
    with reading():
        credentials = accounts.credentials(account_id)
    try:
        gateway.clear_quota(credentials)
        (said,) = _quota(credentials)
    except gateway.QuotaUsed as error:
        said = _Said(Kind.QUOTA, State.FAILED, str(error), {})
    with transaction():
        probes.note(account_id, said.kind, said.state, said.words, now=now, **said.facts)


def draw(*, account_id: int, now: datetime) -> None:
    """Have WeChat make the account's own QR code, once and for ever."""
    with reading():
        if accounts.get(account_id).qr_url:
            return
        credentials = accounts.credentials(account_id)
    code = gateway.permanent_qrcode(credentials, _SCENE)
    with transaction():
        accounts.drawn(account_id, url=code.url)


def survey(*, now: datetime) -> None:
    """Count what the health board shows."""
    with reading():
        found = surveys.look(now=now)
    with transaction():
        surveys.store(found, now=now)


def patrol(*, now: datetime) -> None:
    """Have every account asked about that is not paused."""
    active = select(Account.id).where(Account.state == accounts.State.ACTIVE)
    for account_id in session.scalars(active.order_by(Account.id)):
        jobs.enqueue(probes.CHECK, key=f"{probes.CHECK}:{account_id}", account_id=account_id)


def remind(*, now: datetime) -> None:
    """Cry for each account whose verification ends within a month, or has ended."""
    last = clock.local_day(now + board.VERIFICATION_WARN)
    for account in session.scalars(select(Account).where(Account.verified_until <= last)):
        alarms.raise_alarm(
            _VERIFICATION,
            account.appid,
            f"{account.name}的微信认证于 {account.verified_until:%Y-%m-%d} 到期，请及时年审",
            now=now,
            department_id=account.department_id,
        )
