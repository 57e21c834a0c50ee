"""Jobs that create menus and QR codes at WeChat, and fetch the menus that WeChat shows.

row WAITING ── read ──> call, no transaction open ──> done, refused with WeChat's reason, or retried
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

T = TypeVar("T")
Recorder = Callable[[str], object]


def push_menu(*, menu_id: int, now: datetime) -> None:
    """Push an account's menu to WeChat; does nothing unless its version still waits.

    Raises Temporary to be tried again.
    """
    with read_only():
        menu = menus.get(menu_id)
        # The job may run twice, and staff may have saved a newer version: only what still waits
        # is pushed.
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
            menus.MenuAlert.PUSH_FAILED,
            account.appid,
            f"{account.name}的菜单推送失败：{problem}",
            now=now,
            department_id=account.department_id,
            account_id=account.id,
            object_id=menu_id,
        )


def add_conditional(*, menu_id: int, now: datetime) -> None:
    """Create a conditional menu at WeChat. Raises Temporary to be tried again.

    An earlier run may have died after the call: WeChat would then show the menu twice, so what
    exists there is looked up first.
    """
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
    """Delete a conditional menu at WeChat, if it is there. Raises Temporary to be tried again."""
    with read_only():
        menu = conditional.get(menu_id)
        if menu.state is not conditional.ConditionalMenuState.DELETING:
            return
        credentials, wechat_id = accounts.credentials(menu.account_id), menu.wechat_id
    try:
        # WeChat's id is missing where the run that created the menu died before it could record
        # it
        wechat_id = wechat_id or _find_existing(menu_id, credentials)
        if wechat_id is not None:
            gateway.delete_conditional_menu(credentials, wechat_id)
    except gateway.GatewayError as error:
        # staff asked for the deletion, so a refusal does not end it: it stays in DELETING
        on_retry = partial(conditional.record_delay, menu_id)
        _record_failure(error, on_retry=on_retry, on_refusal=on_retry)
        return
    with transaction():
        conditional.mark_deleted(menu_id)


def _find_existing(menu_id: int, credentials: Credentials) -> str | None:
    """WeChat's id of a conditional menu that an earlier run created without recording it."""
    remote = gateway.find_menu(credentials)
    with read_only():
        return conditional.find_existing(menu_id, remote.conditional) if remote else None


def refresh_remote_menu(*, account_id: int, now: datetime) -> None:
    """Fetch what all followers of an account see, its conditional menus and its tags."""
    with read_only():
        credentials = accounts.credentials(account_id)
    try:
        # read for every account: this call shows what followers see, also a menu made in WeChat's
        # console
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
        # in the transaction of the new state, so that page and list show the same moment
        conditional.reconcile(account_id, result.conditional if result else (), now=now)


def _unless_unauthorised(call: Callable[[Credentials], T], credentials: Credentials) -> T | None:
    """What a call returns; None at an account that has no right to it."""
    try:
        return call(credentials)
    except gateway.NotAuthorised:
        return None


def preview_menu(*, remote_menu_id: int, now: datetime) -> None:
    """Fetch the menu that one person sees."""
    with read_only():
        remote_menu = remote_state.find(remote_menu_id)
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


def create_qrcode(*, qrcode_id: int, now: datetime) -> None:
    """Have WeChat make a QR code with a scene."""
    with read_only():
        qrcode = qrcodes.get(qrcode_id)
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
            on_retry=partial(qrcodes.record_delay, qrcode_id),
            on_refusal=partial(qrcodes.mark_failed, qrcode_id),
        )
        return
    with transaction():
        qrcodes.mark_ready(qrcode_id, result, now=now)


def _record_failure(
    error: gateway.GatewayError, *, on_retry: Recorder, on_refusal: Recorder
) -> None:
    """Record why WeChat did not do it. Raises Temporary when another attempt may succeed."""
    is_retryable = isinstance(error, gateway.Temporary | gateway.Unconfirmed)
    with transaction():
        (on_retry if is_retryable else on_refusal)(str(error))
    # Calling again is harmless: a menu replaces the one before, a conditional one is looked up
    # first, and a second QR code of a scene sends the same scene.
    if isinstance(error, gateway.Unconfirmed):
        raise Temporary(meaning=str(error)) from error
    if is_retryable:
        raise error
