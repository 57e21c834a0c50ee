"""Connecting a new account step by step, with checks that refresh by themselves; editing it."""

from typing import Any

from flask import render_template

from app.console import forms
from app.console.accounts.blueprint import (
    access_account,
    blueprint,
    callback_status_of,
    callback_url,
    check_steps_of,
    checks_of,
)
from app.console.accounts.forms import EditForm, NewAccountForm, form_data
from app.console.accounts.labels import KIND_LABELS, MODE_LABELS
from app.console.responses import ViewResult, flash_success, redirect_to
from app.console.template_globals import format_date
from app.jobs import account_checks
from app.web.auth import ask_confirmation, member, requires
from config import audit, clock
from config.errors import Stale
from config.permissions import Permission
from matrix import accounts, departments
from matrix.accounts import Account, connection_checks, key_rotation
from matrix.accounts.actions import AccountAction
from matrix.accounts.connection_checks import CheckKind
from matrix.accounts.key_rotation import CallbackKeys


@blueprint.route("/new", methods=["GET", "POST"])
@requires(Permission.ACCOUNTS_MANAGE)
def new() -> ViewResult:
    """The first step: register an account."""
    form = NewAccountForm()
    form.set_department_choices()
    account = None
    if form.validate_on_submit():
        with forms.errors_on(form):
            account = _register(form)
    if account is None:
        page = render_template("console/accounts/new.html", form=form)
        return (page, 422) if form.is_submitted() else page
    flash_success(f"{account.name}已登记，请继续下面的步骤。")
    return redirect_to("accounts.connect", account_id=account.id)


def _register(form: NewAccountForm) -> Account:
    spec, now = form.new_spec(), clock.now()
    # the account does not exist yet, so its department decides
    member().require(Permission.ACCOUNTS_MANAGE, department_id=spec.department_id)
    account = accounts.create(spec, now=now)
    accounts.set_verified_until(account.id, until=form.verified_until.data)
    account_checks.request_check(account, now=now)
    return account


@blueprint.get("/<int:account_id>/connect")
@requires(Permission.ACCOUNTS_MANAGE)
def connect(account_id: int) -> str:
    """The steps that are done in WeChat's console, and the checks whether they took effect."""
    return render_connect(access_account(account_id))


def render_connect(account: Account, revealed_keys: CallbackKeys | None = None) -> str:
    """The page of the steps; it shows the callback keys only when they are passed."""
    steps = check_steps_of(account)
    return render_template(
        "console/accounts/connect.html",
        account=account,
        callback_url=callback_url(account),
        keys=revealed_keys,
        are_in_use=key_rotation.are_in_use(account, callback_status_of(account)),
        egress_ip=_egress_ip(account),
        mode_labels=MODE_LABELS,
        steps=steps,
        is_connected=connection_checks.is_connected(steps),
    )


def _egress_ip(account: Account) -> str:
    # WeChat names the address it saw when it refuses a call from outside of the allow-list
    check = checks_of(account).get(CheckKind.ALLOW_LIST)
    return str(check.details.get("ip", "")) if check else ""


@blueprint.get("/<int:account_id>/steps")
@requires(Permission.ACCOUNTS_READ)
def checks(account_id: int) -> str:
    """The checks as part of a page, which polls this address."""
    return _render_checks(access_account(account_id, Permission.ACCOUNTS_READ))


@blueprint.post("/<int:account_id>/check")
@requires(Permission.ACCOUNTS_MANAGE)
def run_checks(account_id: int) -> str:
    """Start the checks again, by a job."""
    account = access_account(account_id)
    account_checks.request_check(account, now=clock.now())
    return _render_checks(account)


def _render_checks(account: Account) -> str:
    steps = check_steps_of(account)
    return render_template(
        "console/accounts/_checks.html",
        account=account,
        steps=steps,
        is_connected=connection_checks.is_connected(steps),
    )


# ---- editing ----


@blueprint.route("/<int:account_id>/edit", methods=["GET", "POST"])
@requires(Permission.ACCOUNTS_MANAGE)
def edit(account_id: int) -> ViewResult:
    """Edit the account; its secrets have pages of their own."""
    account = access_account(account_id)
    form = EditForm(data=form_data(account))
    form.set_department_choices(account.department_id)
    if form.validate_on_submit():
        # whoever reads along between WeChat and the hub would read and forge citizens' messages
        asked = ask_confirmation() if form.weakens(account.mode) else None
        if asked is not None:
            return asked
        with forms.errors_on(form):
            _update(account, form)
    if form.is_submitted() and not form.is_refused:
        flash_success("已保存。")
        return redirect_to("accounts.show", account_id=account_id)
    page = render_template("console/accounts/edit.html", account=account, form=form)
    return (page, 422) if form.is_submitted() else page


def _update(account: Account, form: EditForm) -> None:
    """Save what was typed, or show the conflict when it has changed since it was read."""
    current = accounts.spec_of(account)
    # The form does not know the secrets, and an empty field must not
    # clear them: they are taken from the row.
    spec = form.spec(
        appid=current.appid, secret=current.secret, token=current.token, aes_key=current.aes_key
    )
    # moving an account away needs the permission at its new department as well
    if spec.department_id != current.department_id:
        member().require(Permission.ACCOUNTS_MANAGE, department_id=spec.department_id)
    try:
        version = forms.hidden_int(form.version)
        accounts.update(account.id, spec, now=clock.now(), version=version)
    except Stale:
        now = form_data(account)
        last_change = audit.find_latest(AccountAction.kind, account.id)
        form.show_conflict(now, last_change, _field_text, version=now.pop("version"))
        return
    accounts.set_verified_until(account.id, until=form.verified_until.data)


def _field_text(name: str, value: Any) -> str:
    """The value of a field as shown beside an edit conflict."""
    if name == "department":
        return departments.names([value]).get(value, "")
    if name == "verified_until":
        return format_date(value)
    if isinstance(value, bool):
        return "是" if value else "否"
    return (KIND_LABELS | MODE_LABELS).get(value, value or "（空）")
