"""Keys: shown until they work, changed without a gap; a new AppSecret; pausing an account.

Everything here asks for the second factor again.
"""

from flask import render_template

from app.auth import confirmed, needs
from app.console import forms
from app.console.accounts.blueprint import Answer, blueprint, heard_of, probes_of, reachable
from app.console.accounts.connect import page_of
from app.console.accounts.forms import FinishForm, PauseForm, SecretForm
from app.console.drawing import away, done, warn
from config import clock
from config.errors import DomainError
from config.tenancy import Right
from matrix import accounts, keys
from matrix.accounts import Account
from matrix.keys import Keys, KeysInUse
from matrix.probes import Kind


@blueprint.get("/<int:account_id>/keys")
@needs(Right.ACCOUNTS_MANAGE)
def rotation(account_id: int) -> str:
    """Where a change of Token and EncodingAESKey stands."""
    return _rotation(reachable(account_id))


def _rotation(
    account: Account, *, shown_keys: Keys | None = None, form: FinishForm | None = None
) -> str:
    heard = heard_of(account)
    return render_template(
        "console/accounts/keys.html",
        account=account,
        heard=heard,
        are_in_use=keys.are_in_use(account, heard),
        is_rotating=account.previous_token is not None,
        keys=shown_keys,
        form=form or FinishForm(),
        secret=probes_of(account).get(Kind.SECRET),
    )


@blueprint.get("/<int:account_id>/keys/progress")
@needs(Right.ACCOUNTS_MANAGE)
def progress(account_id: int) -> str:
    """Whether WeChat uses the new keys, for a page that looks again and again."""
    account = reachable(account_id)
    heard = heard_of(account)
    return render_template(
        "console/accounts/_progress.html",
        account=account,
        heard=heard,
        are_in_use=keys.are_in_use(account, heard),
    )


@blueprint.post("/<int:account_id>/connect/keys")
@needs(Right.ACCOUNTS_MANAGE)
@confirmed
def reveal(account_id: int) -> Answer:
    """Show the keys of a new account, to be pasted into WeChat's page."""
    account = reachable(account_id)
    try:
        return page_of(account, keys.reveal(account_id))
    except KeysInUse as error:
        warn(str(error))
        return away("accounts.connect", account_id=account_id)


@blueprint.post("/<int:account_id>/keys/reveal")
@needs(Right.ACCOUNTS_MANAGE)
@confirmed
def reveal_new(account_id: int) -> Answer:
    """Show the new keys of a rotation."""
    account = reachable(account_id)
    try:
        return _rotation(account, shown_keys=keys.reveal(account_id))
    except KeysInUse as error:
        warn(str(error))
        return away("accounts.rotation", account_id=account_id)


@blueprint.post("/<int:account_id>/keys/start")
@needs(Right.ACCOUNTS_MANAGE)
@confirmed
def start(account_id: int) -> Answer:
    """Make new keys; the old ones stay good."""
    reachable(account_id)
    try:
        account = keys.start_rotation(account_id, now=clock.now())
    except DomainError as error:
        warn(str(error))
        return away("accounts.rotation", account_id=account_id)
    return _rotation(account, shown_keys=keys.reveal(account_id))


@blueprint.post("/<int:account_id>/keys/finish")
@needs(Right.ACCOUNTS_MANAGE)
@confirmed
def finish(account_id: int) -> Answer:
    """Stop believing the old keys."""
    account, form = reachable(account_id), FinishForm()
    if form.validate_on_submit():
        with forms.blaming(form):
            keys.finish_rotation(account_id, now=clock.now(), anyway=form.anyway.data)
    if form.is_refused:
        return _rotation(account, form=form), 422
    done("更换完成，旧密钥已停用。")
    return away("accounts.rotation", account_id=account_id)


@blueprint.post("/<int:account_id>/keys/give-up")
@needs(Right.ACCOUNTS_MANAGE)
@confirmed
def give_up(account_id: int) -> Answer:
    """Go back to the old keys."""
    reachable(account_id)
    try:
        keys.give_up_rotation(account_id)
    except DomainError as error:
        warn(str(error))
    else:
        done("已取消更换，继续使用原来的密钥。")
    return away("accounts.rotation", account_id=account_id)


# ---- the AppSecret ----


@blueprint.get("/<int:account_id>/secret")
@needs(Right.ACCOUNTS_MANAGE)
def secret(account_id: int) -> str:
    """A form for a new AppSecret."""
    return _secret(reachable(account_id), SecretForm())


def _secret(account: Account, form: SecretForm) -> str:
    probe = probes_of(account).get(Kind.SECRET)
    return render_template("console/accounts/secret.html", account=account, form=form, probe=probe)


@blueprint.post("/<int:account_id>/secret/propose")
@needs(Right.ACCOUNTS_MANAGE)
@confirmed
def propose(account_id: int) -> Answer:
    """Have WeChat asked about a new AppSecret; it counts when WeChat gives a token for it."""
    account, form = reachable(account_id), SecretForm()
    if form.validate_on_submit():
        with forms.blaming(form, "secret"):
            keys.propose_secret(account_id, form.secret.data or "", now=clock.now())
    if form.is_refused:
        return _secret(account, form), 422
    return away("accounts.secret", account_id=account_id)


@blueprint.get("/<int:account_id>/secret/progress")
@needs(Right.ACCOUNTS_MANAGE)
def proving(account_id: int) -> str:
    """What WeChat says of the new AppSecret, for a page that looks again and again."""
    account = reachable(account_id)
    probe = probes_of(account).get(Kind.SECRET)
    return render_template("console/accounts/_proving.html", account=account, probe=probe)


# ---- pausing ----


@blueprint.get("/<int:account_id>/pause")
@needs(Right.ACCOUNTS_MANAGE)
def pausing(account_id: int) -> str:
    """What pausing means, and why it is to be done."""
    account = reachable(account_id)
    return render_template("console/accounts/pause.html", account=account, form=PauseForm())


@blueprint.post("/<int:account_id>/pause/now")
@needs(Right.ACCOUNTS_MANAGE)
@confirmed
def pause(account_id: int) -> Answer:
    """Stop one account now."""
    account, form = reachable(account_id), PauseForm()
    if not form.validate_on_submit():
        return render_template("console/accounts/pause.html", account=account, form=form), 422
    accounts.pause(account_id, reason=form.reason.data or "")
    done(f"{account.name}已暂停，几秒内全部生效。")
    return away("accounts.show", account_id=account_id)


@blueprint.post("/<int:account_id>/resume")
@needs(Right.ACCOUNTS_MANAGE)
def resume(account_id: int) -> Answer:
    """Let the account answer and send again."""
    account = reachable(account_id)
    accounts.resume(account_id)
    done(f"{account.name}已恢复。")
    return away("accounts.show", account_id=account_id)
