"""The callback keys (Token and EncodingAESKey): showing and rotating them; a new AppSecret.

Whatever shows or changes a secret asks for the second factor again. Keys are shown only until
WeChat has used them: after that nobody needs to read them, so nobody can.
"""

from flask import render_template

from app.console import forms
from app.console.accounts.blueprint import (
    access_account,
    blueprint,
    callback_status_of,
    checks_of,
)
from app.console.accounts.connect import render_connect
from app.console.accounts.forms import FinishRotationForm, SecretForm
from app.console.responses import ViewResult, flash_success, flash_warning, redirect_to
from app.web.auth import requires, requires_confirmation
from config import clock
from config.errors import DomainError
from config.permissions import Permission
from matrix.accounts import Account, key_rotation
from matrix.accounts.connection_checks import CheckKind
from matrix.accounts.key_rotation import CallbackKeys, KeysInUse


@blueprint.get("/<int:account_id>/keys")
@requires(Permission.ACCOUNTS_MANAGE)
def rotation(account_id: int) -> str:
    """The state of the keys, and of a rotation that is under way."""
    return _render_rotation(access_account(account_id))


def _render_rotation(
    account: Account,
    *,
    revealed_keys: CallbackKeys | None = None,
    form: FinishRotationForm | None = None,
) -> str:
    callback_status = callback_status_of(account)
    return render_template(
        "console/accounts/keys.html",
        account=account,
        callback_status=callback_status,
        are_in_use=key_rotation.are_in_use(account, callback_status),
        is_rotating=account.previous_token is not None,
        keys=revealed_keys,
        form=form or FinishRotationForm(),
        secret_check=checks_of(account).get(CheckKind.SECRET),
    )


@blueprint.get("/<int:account_id>/keys/progress")
@requires(Permission.ACCOUNTS_MANAGE)
def rotation_progress(account_id: int) -> str:
    """Whether WeChat uses the new keys yet, as part of a page, which polls this address."""
    account = access_account(account_id)
    callback_status = callback_status_of(account)
    return render_template(
        "console/accounts/_rotation_progress.html",
        account=account,
        callback_status=callback_status,
        are_in_use=key_rotation.are_in_use(account, callback_status),
    )


@blueprint.post("/<int:account_id>/connect/keys")
@requires(Permission.ACCOUNTS_MANAGE)
@requires_confirmation
def reveal_keys(account_id: int) -> ViewResult:
    """Show the keys of a new account, to be pasted into WeChat's console."""
    account = access_account(account_id)
    try:
        return render_connect(account, key_rotation.reveal(account_id))
    # WeChat's first push with these keys came between the page and this click
    except KeysInUse as error:
        flash_warning(str(error))
        return redirect_to("accounts.connect", account_id=account_id)


@blueprint.post("/<int:account_id>/keys/reveal")
@requires(Permission.ACCOUNTS_MANAGE)
@requires_confirmation
def reveal_new_keys(account_id: int) -> ViewResult:
    """Show the new keys of a rotation."""
    account = access_account(account_id)
    try:
        return _render_rotation(account, revealed_keys=key_rotation.reveal(account_id))
    except KeysInUse as error:
        flash_warning(str(error))
        return redirect_to("accounts.rotation", account_id=account_id)


@blueprint.post("/<int:account_id>/keys/start")
@requires(Permission.ACCOUNTS_MANAGE)
@requires_confirmation
def start_rotation(account_id: int) -> ViewResult:
    """Make new keys. The old ones stay valid until the rotation is finished."""
    # 404 before anything is changed where the person lacks the permission
    access_account(account_id)
    try:
        account = key_rotation.start_rotation(account_id, now=clock.now())
    except DomainError as error:
        flash_warning(str(error))
        return redirect_to("accounts.rotation", account_id=account_id)
    return _render_rotation(account, revealed_keys=key_rotation.reveal(account_id))


@blueprint.post("/<int:account_id>/keys/finish")
@requires(Permission.ACCOUNTS_MANAGE)
@requires_confirmation
def finish_rotation(account_id: int) -> ViewResult:
    """End the rotation: the old keys are no longer accepted."""
    account, form = access_account(account_id), FinishRotationForm()
    if form.validate_on_submit():
        with forms.errors_on(form):
            key_rotation.finish_rotation(account_id, now=clock.now(), force=form.anyway.data)
    if form.is_refused:
        return _render_rotation(account, form=form), 422
    flash_success("更换完成，旧密钥已停用。")
    return redirect_to("accounts.rotation", account_id=account_id)


@blueprint.post("/<int:account_id>/keys/give-up")
@requires(Permission.ACCOUNTS_MANAGE)
@requires_confirmation
def cancel_rotation(account_id: int) -> ViewResult:
    """Drop the new keys and keep the old ones."""
    access_account(account_id)
    try:
        key_rotation.cancel_rotation(account_id)
    except DomainError as error:
        flash_warning(str(error))
    else:
        flash_success("已取消更换，继续使用原来的密钥。")
    return redirect_to("accounts.rotation", account_id=account_id)


# ---- the AppSecret ----


@blueprint.get("/<int:account_id>/secret")
@requires(Permission.ACCOUNTS_MANAGE)
def secret_form(account_id: int) -> str:
    """A form for a new AppSecret."""
    return _render_secret_form(access_account(account_id), SecretForm())


def _render_secret_form(account: Account, form: SecretForm) -> str:
    check = checks_of(account).get(CheckKind.SECRET)
    return render_template("console/accounts/secret.html", account=account, form=form, check=check)


@blueprint.post("/<int:account_id>/secret/propose")
@requires(Permission.ACCOUNTS_MANAGE)
@requires_confirmation
def submit_secret(account_id: int) -> ViewResult:
    """Take a new AppSecret on trial: it replaces the old one when WeChat gives a token for it."""
    account, form = access_account(account_id), SecretForm()
    if form.validate_on_submit():
        with forms.errors_on(form, "secret"):
            key_rotation.submit_secret(account_id, form.secret.data or "", now=clock.now())
    if form.is_refused:
        return _render_secret_form(account, form), 422
    return redirect_to("accounts.secret_form", account_id=account_id)


@blueprint.get("/<int:account_id>/secret/progress")
@requires(Permission.ACCOUNTS_MANAGE)
def secret_progress(account_id: int) -> str:
    """The trial of the new AppSecret as part of a page, which polls this address."""
    account = access_account(account_id)
    check = checks_of(account).get(CheckKind.SECRET)
    return render_template("console/accounts/_secret_progress.html", account=account, check=check)
