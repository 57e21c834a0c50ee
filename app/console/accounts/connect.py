"""A new account, step by step, with checks that go on by themselves; changing what it is."""

from typing import Any

from flask import render_template

from app import connecting
from app.auth import member, needs
from app.console import forms
from app.console.accounts.blueprint import (
    Answer,
    blueprint,
    callback_url,
    heard_of,
    probes_of,
    reachable,
    steps_of,
)
from app.console.accounts.forms import KINDS, MODES, ChangeForm, NewAccountForm, shown
from app.console.drawing import away, day, done
from config import audit, clock
from config.errors import Stale
from config.tenancy import Right
from matrix import accounts, departments, keys, probes
from matrix.accounts import Account
from matrix.keys import Keys
from matrix.probes import Kind


@blueprint.route("/new", methods=["GET", "POST"])
@needs(Right.ACCOUNTS_MANAGE)
def new() -> Answer:
    """Register an account: the first step."""
    form = NewAccountForm()
    form.offer_departments()
    account = None
    if form.validate_on_submit():
        with forms.blaming(form):
            account = _registered(form)
    if account is None:
        page = render_template("console/accounts/new.html", form=form)
        return (page, 422) if form.is_submitted() else page
    done(f"{account.name}已登记，请继续下面的步骤。")
    return away("accounts.connect", account_id=account.id)


def _registered(form: NewAccountForm) -> Account:
    wish, now = form.new_wish(), clock.now()
    member().require(Right.ACCOUNTS_MANAGE, department_id=wish.department_id)
    account = accounts.add(wish, now=now)
    accounts.verified(account.id, until=form.verified_until.data)
    connecting.ask_again(account, now=now)
    return account


@blueprint.get("/<int:account_id>/connect")
@needs(Right.ACCOUNTS_MANAGE)
def connect(account_id: int) -> str:
    """What is left to do in WeChat's pages, and whether it was done."""
    return page_of(reachable(account_id))


def page_of(account: Account, shown_keys: Keys | None = None) -> str:
    """The page of the steps; with the keys when they were just asked for."""
    steps = steps_of(account)
    return render_template(
        "console/accounts/connect.html",
        account=account,
        callback_url=callback_url(account),
        keys=shown_keys,
        are_in_use=keys.are_in_use(account, heard_of(account)),
        ip=_ip(account),
        modes=MODES,
        steps=steps,
        is_connected=probes.is_connected(steps),
    )


def _ip(account: Account) -> str:
    probe = probes_of(account).get(Kind.ALLOW_LIST)
    return str(probe.facts.get("ip", "")) if probe else ""


@blueprint.get("/<int:account_id>/steps")
@needs(Right.ACCOUNTS_READ)
def steps(account_id: int) -> str:
    """How the checks stand, for a page that looks again and again."""
    return _steps(reachable(account_id, Right.ACCOUNTS_READ))


@blueprint.post("/<int:account_id>/check")
@needs(Right.ACCOUNTS_MANAGE)
def check(account_id: int) -> str:
    """Ask WeChat again."""
    account = reachable(account_id)
    connecting.ask_again(account, now=clock.now())
    return _steps(account)


def _steps(account: Account) -> str:
    found = steps_of(account)
    return render_template(
        "console/accounts/_steps.html",
        account=account,
        steps=found,
        is_connected=probes.is_connected(found),
    )


# ---- changing what an account is ----


@blueprint.route("/<int:account_id>/edit", methods=["GET", "POST"])
@needs(Right.ACCOUNTS_MANAGE)
def edit(account_id: int) -> Answer:
    """Change what the account is, apart from its secrets."""
    account = reachable(account_id)
    form = ChangeForm(data=shown(account))
    form.offer_departments(account.department_id)
    if form.validate_on_submit():
        with forms.blaming(form):
            _change(account, form)
    if form.is_submitted() and not form.is_refused:
        done("已保存。")
        return away("accounts.show", account_id=account_id)
    page = render_template("console/accounts/edit.html", account=account, form=form)
    return (page, 422) if form.is_submitted() else page


def _change(account: Account, form: ChangeForm) -> None:
    """Save what was typed; when somebody else was first, nothing, and what they made of it."""
    kept = accounts.wish_of(account)
    wish = form.wish(appid=kept.appid, secret=kept.secret, token=kept.token, aes_key=kept.aes_key)
    if wish.department_id != kept.department_id:
        member().require(Right.ACCOUNTS_MANAGE, department_id=wish.department_id)
    try:
        seen = forms.number(form.version)
        accounts.change(account.id, wish, now=clock.now(), version=seen)
    except Stale:
        now = shown(account)
        last = audit.newest("account", account.id)
        form.set_beside(now, last, _said, version=now.pop("version"))
        return
    accounts.verified(account.id, until=form.verified_until.data)


def _said(name: str, value: Any) -> str:
    """A value of a field as a person reads it."""
    if name == "department":
        return departments.names([value]).get(value, "")
    if name == "verified_until":
        return day(value)
    if isinstance(value, bool):
        return "是" if value else "否"
    return (KINDS | MODES).get(value, value or "（空）")
