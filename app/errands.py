"""Errands: what a job carries to WeChat for menus and QR codes, and what it brings back.

row waits ── read ──> call, nothing open ──> note: done, refused in words, or once more
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from config import alarms
from config.database import reading, transaction
from config.errors import Temporary
from matrix import accounts, codes, menus
from matrix.menus import conditional, sights
from matrix.wechat import gateway
from matrix.wechat.gateway import Credentials

UNPUSHED = "menu.unpushed"

T = TypeVar("T")
Note = Callable[[str], object]


def push_menu(*, menu_id: int, now: datetime) -> None:
    """Show an account's newest menu in WeChat; a version that nobody waits for is left alone."""
    with reading():
        menu = menus.get(menu_id)
        if menu.state is not menus.State.WAITING:
            return
        credentials, buttons = accounts.credentials(menu.account_id), menus.read(menu.buttons)
    try:
        gateway.create_menu(credentials, buttons)
    except gateway.GatewayError as error:
        _note(
            error,
            later=partial(menus.delayed, menu_id),
            never=partial(_not_pushed, menu_id, now=now),
        )
        return
    with transaction():
        menus.pushed(menu_id, now=now)


def _not_pushed(menu_id: int, problem: str, *, now: datetime) -> None:
    if menus.failed(menu_id, problem):
        account = accounts.get(menus.get(menu_id).account_id)
        alarms.raise_alarm(
            UNPUSHED,
            account.appid,
            f"{account.name}的菜单推送失败：{problem}",
            now=now,
            department_id=account.department_id,
        )


def add_conditional(*, menu_id: int, now: datetime) -> None:
    """Show a conditional menu in WeChat, once, also when the job was killed half-way."""
    with reading():
        menu = conditional.get(menu_id)
        if menu.state is not conditional.State.WAITING:
            return
        credentials, buttons = accounts.credentials(menu.account_id), menus.read(menu.buttons)
        audience = menu.audience
    try:
        wechat_id = _twin(menu_id, credentials) or gateway.add_conditional_menu(
            credentials, buttons, audience
        )
    except gateway.GatewayError as error:
        _note(
            error,
            later=partial(conditional.delayed, menu_id),
            never=partial(conditional.refused, menu_id),
        )
        return
    with transaction():
        conditional.added(menu_id, wechat_id)


def delete_conditional(*, menu_id: int, now: datetime) -> None:
    """Take a conditional menu away in WeChat; one that is not there is gone already."""
    with reading():
        menu = conditional.get(menu_id)
        if menu.state is not conditional.State.LEAVING:
            return
        credentials, wechat_id = accounts.credentials(menu.account_id), menu.wechat_id
    try:
        wechat_id = wechat_id or _twin(menu_id, credentials)
        if wechat_id is not None:
            gateway.delete_conditional_menu(credentials, wechat_id)
    except gateway.GatewayError as error:
        later = partial(conditional.delayed, menu_id)
        _note(error, later=later, never=later)
        return
    with transaction():
        conditional.gone(menu_id)


def _twin(menu_id: int, credentials: Credentials) -> str | None:
    """WeChat's name of a conditional menu that an earlier attempt made without noting it."""
    there = gateway.menu(credentials)
    with reading():
        return conditional.twin(menu_id, there.conditional) if there else None


def look_at_menu(*, account_id: int, now: datetime) -> None:
    """Fetch what all followers of an account see, its conditional menus and its tags."""
    with reading():
        credentials = accounts.credentials(account_id)
    try:
        shown = gateway.console_menu(credentials)
        made = _granted(gateway.menu, credentials)
        tags = _granted(gateway.tags, credentials) or ()
    except gateway.GatewayError as error:
        problem = str(error)
        with transaction():
            sights.unseen(account_id, problem)
        return
    with transaction():
        sights.seen(account_id, shown.buttons, is_open=shown.is_open, tags=tags, now=now)
        conditional.reconcile(account_id, made.conditional if made else (), now=now)


def _granted(call: Callable[[Credentials], T], credentials: Credentials) -> T | None:
    """What a call answers; None at an account that has no right to it."""
    try:
        return call(credentials)
    except gateway.NotAuthorised:
        return None


def try_menu(*, sight_id: int, now: datetime) -> None:
    """Fetch what one person sees."""
    with reading():
        sight = sights.get(sight_id)
        if sight is None or not sight.is_awaited:
            return
        account_id, person = sight.account_id, sight.person
        credentials = accounts.credentials(account_id)
    try:
        buttons = gateway.menu_seen_by(credentials, person)
    except gateway.GatewayError as error:
        problem = str(error)
        with transaction():
            sights.unseen(account_id, problem, person=person)
        return
    with transaction():
        sights.seen(account_id, buttons, person=person, now=now)


def make_code(*, code_id: int, now: datetime) -> None:
    """Have WeChat make a QR code with a scene."""
    with reading():
        code = codes.get(code_id)
        if code.state is not codes.State.WAITING:
            return
        credentials = accounts.credentials(code.account_id)
        scene, life = code.scene, code.life
    try:
        made = (
            gateway.permanent_qrcode(credentials, scene)
            if life is None
            else gateway.temporary_qrcode(credentials, scene, life=life, now=now)
        )
    except gateway.GatewayError as error:
        _note(
            error,
            later=partial(codes.delayed, code_id),
            never=partial(codes.refused, code_id),
        )
        return
    with transaction():
        codes.made(code_id, made, now=now)


def _note(error: gateway.GatewayError, *, later: Note, never: Note) -> None:
    """Write down in words why WeChat did not do it. Raises Temporary where it may yet."""
    may_pass = isinstance(error, gateway.Temporary | gateway.Unconfirmed)
    with transaction():
        (later if may_pass else never)(str(error))
    if isinstance(error, gateway.Unconfirmed):
        raise Temporary(meaning=str(error)) from error
    if may_pass:
        raise error
