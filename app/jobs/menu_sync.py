"""Errands: what a job carries to WeChat for menus and QR codes, and what it brings back.

row waits ── read ──> call, nothing open ──> note: done, refused in words, or once more
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from config import alerts
from config.database import read_only, transaction
from config.errors import Temporary
from matrix import accounts, menus, qrcodes
from matrix.menus import conditional, remote_state
from matrix.wechat import gateway
from matrix.wechat.gateway import Credentials

PUSH_FAILED = "menu.push_failed"

T = TypeVar("T")
Recorder = Callable[[str], object]


def push_menu(*, menu_id: int, now: datetime) -> None:
    """Show an account's newest menu in WeChat; a version that nobody waits for is left alone."""
    with read_only():
        menu = menus.get(menu_id)
        if menu.state is not menus.MenuState.WAITING:
            return
        credentials, buttons = accounts.credentials(menu.account_id), menus.from_rows(menu.buttons)
    try:
        gateway.create_menu(credentials, buttons)
    except gateway.GatewayError as error:
        _record_failure(
            error,
            on_retry=partial(menus.record_delay, menu_id),
            on_refusal=partial(_record_push_failure, menu_id, now=now),
        )
        return
    with transaction():
        menus.mark_pushed(menu_id, now=now)


def _record_push_failure(menu_id: int, problem: str, *, now: datetime) -> None:
    if menus.mark_failed(menu_id, problem):
        account = accounts.get(menus.get(menu_id).account_id)
        alerts.raise_alert(
            PUSH_FAILED,
            account.appid,
            f"{account.name}的菜单推送失败：{problem}",
            now=now,
            department_id=account.department_id,
        )


def add_conditional(*, menu_id: int, now: datetime) -> None:
    """Show a conditional menu in WeChat, once, also when the job was killed half-way."""
    with read_only():
        menu = conditional.get(menu_id)
        if menu.state is not conditional.ConditionalMenuState.WAITING:
            return
        credentials, buttons = accounts.credentials(menu.account_id), menus.from_rows(menu.buttons)
        audience = menu.audience
    try:
        wechat_id = _find_existing(menu_id, credentials) or gateway.add_conditional_menu(
            credentials, buttons, audience
        )
    except gateway.GatewayError as error:
        _record_failure(
            error,
            on_retry=partial(conditional.record_delay, menu_id),
            on_refusal=partial(conditional.mark_failed, menu_id),
        )
        return
    with transaction():
        conditional.mark_published(menu_id, wechat_id)


def delete_conditional(*, menu_id: int, now: datetime) -> None:
    """Take a conditional menu away in WeChat; one that is not there is gone already."""
    with read_only():
        menu = conditional.get(menu_id)
        if menu.state is not conditional.ConditionalMenuState.DELETING:
            return
        credentials, wechat_id = accounts.credentials(menu.account_id), menu.wechat_id
    try:
        wechat_id = wechat_id or _find_existing(menu_id, credentials)
        if wechat_id is not None:
            gateway.delete_conditional_menu(credentials, wechat_id)
    except gateway.GatewayError as error:
        on_retry = partial(conditional.record_delay, menu_id)
        _record_failure(error, on_retry=on_retry, on_refusal=on_retry)
        return
    with transaction():
        conditional.mark_deleted(menu_id)


def _find_existing(menu_id: int, credentials: Credentials) -> str | None:
    """WeChat's name of a conditional menu that an earlier attempt made without noting it."""
    remote = gateway.find_menu(credentials)
    with read_only():
        return conditional.find_existing(menu_id, remote.conditional) if remote else None


def refresh_remote_menu(*, account_id: int, now: datetime) -> None:
    """Fetch what all followers of an account see, its conditional menus and its tags."""
    with read_only():
        credentials = accounts.credentials(account_id)
    try:
        current = gateway.get_current_menu(credentials)
        result = _unless_unauthorised(gateway.find_menu, credentials)
        tags = _unless_unauthorised(gateway.list_tags, credentials) or ()
    except gateway.GatewayError as error:
        problem = str(error)
        with transaction():
            remote_state.record_failure(account_id, problem)
        return
    with transaction():
        remote_state.record(
            account_id, current.buttons, is_open=current.is_open, tags=tags, now=now
        )
        conditional.reconcile(account_id, result.conditional if result else (), now=now)


def _unless_unauthorised(call: Callable[[Credentials], T], credentials: Credentials) -> T | None:
    """What a call answers; None at an account that has no right to it."""
    try:
        return call(credentials)
    except gateway.NotAuthorised:
        return None


def preview_menu(*, sight_id: int, now: datetime) -> None:
    """Fetch what one person sees."""
    with read_only():
        remote_menu = remote_state.find(sight_id)
        if remote_menu is None or not remote_menu.is_waiting:
            return
        account_id, person = remote_menu.account_id, remote_menu.person
        credentials = accounts.credentials(account_id)
    try:
        buttons = gateway.preview_menu(credentials, person)
    except gateway.GatewayError as error:
        problem = str(error)
        with transaction():
            remote_state.record_failure(account_id, problem, person=person)
        return
    with transaction():
        remote_state.record(account_id, buttons, person=person, now=now)


def create_qrcode(*, code_id: int, now: datetime) -> None:
    """Have WeChat make a QR code with a scene."""
    with read_only():
        qrcode = qrcodes.get(code_id)
        if qrcode.state is not qrcodes.QrCodeState.WAITING:
            return
        credentials = accounts.credentials(qrcode.account_id)
        scene, lifetime = qrcode.scene, qrcode.lifetime
    try:
        result = (
            gateway.create_permanent_qrcode(credentials, scene)
            if lifetime is None
            else gateway.create_temporary_qrcode(credentials, scene, life=lifetime, now=now)
        )
    except gateway.GatewayError as error:
        _record_failure(
            error,
            on_retry=partial(qrcodes.record_delay, code_id),
            on_refusal=partial(qrcodes.mark_failed, code_id),
        )
        return
    with transaction():
        qrcodes.mark_ready(code_id, result, now=now)


def _record_failure(
    error: gateway.GatewayError, *, on_retry: Recorder, on_refusal: Recorder
) -> None:
    """Write down in words why WeChat did not do it. Raises Temporary where it may yet."""
    is_retryable = isinstance(error, gateway.Temporary | gateway.Unconfirmed)
    with transaction():
        (on_retry if is_retryable else on_refusal)(str(error))
    if isinstance(error, gateway.Unconfirmed):
        raise Temporary(meaning=str(error)) from error
    if is_retryable:
        raise error
