"""One account: its figures, its to-dos, its QR code, pausing and resuming it."""

import io

import segno
from flask import render_template, send_file
from werkzeug.wrappers import Response

from app.console import forms
from app.console.accounts.blueprint import (
    access_account,
    blueprint,
    callback_url,
    check_steps_of,
)
from app.console.accounts.forms import PauseForm, TodoForm
from app.console.accounts.labels import KIND_LABELS, LEVEL_LABELS, MODE_LABELS, TODO_LABELS
from app.console.responses import ViewResult, flash_success, flash_warning, redirect_to
from app.jobs import account_checks
from app.web.auth import member, requires, requires_confirmation
from config import clock
from config.errors import NotFound
from config.permissions import Permission
from matrix import accounts, departments
from matrix.accounts import Account, AccountKind, connection_checks, todos
from matrix.health import health

# pixels to a module: large enough for print
_QR_SCALE = 20


@blueprint.get("/<int:account_id>")
@requires(Permission.ACCOUNTS_READ)
def show(account_id: int) -> str:
    """One account."""
    return _render_detail(access_account(account_id, Permission.ACCOUNTS_READ), TodoForm())


def _render_detail(account: Account, form: TodoForm) -> str:
    (account_health,) = health.assess_all([account], now=clock.now())
    steps = check_steps_of(account)
    return render_template(
        "console/accounts/show.html",
        account=account,
        account_health=account_health,
        steps=steps,
        todos=todos.list_for_account(account.id),
        todo_labels=TODO_LABELS,
        former_names=departments.former_names(account.department_id),
        callback_url=callback_url(account),
        qr_image=_qr_data_uri(account),
        is_connected=connection_checks.is_connected(steps),
        # only verified service accounts may create QR codes (WeChat: 接口权限说明)
        can_request_qrcode=account.verified and account.kind is AccountKind.SERVICE,
        level_labels=LEVEL_LABELS,
        kind_labels=KIND_LABELS,
        mode_labels=MODE_LABELS,
        form=form,
    )


def _qr_data_uri(account: Account) -> str:
    if not account.qr_url:
        return ""
    return segno.make_qr(account.qr_url).svg_data_uri(scale=5, border=2)


@blueprint.post("/tasks/<int:todo_id>/done")
@requires(Permission.ACCOUNTS_MANAGE)
def resolve_todo(todo_id: int) -> ViewResult:
    """Close a to-do by hand, with a note of how it was settled."""
    todo = todos.access_todo(member(), todo_id, Permission.ACCOUNTS_MANAGE)
    form = TodoForm()
    if form.validate_on_submit():
        with forms.errors_on(form, "how"):
            todos.complete(todo, form.how.data or "", now=clock.now())
    # on the next page: the form is one of several small ones, with no place for an error
    if form.is_refused:
        flash_warning(f"{TODO_LABELS[todo.kind]}：{'；'.join(form.how.errors)}")
    else:
        flash_success("已记录处理结果。")
    return redirect_to("accounts.show", account_id=todo.account_id)


@blueprint.post("/<int:account_id>/quota/clear")
@requires(Permission.ACCOUNTS_MANAGE)
def clear_quota(account_id: int) -> ViewResult:
    """Ask WeChat, by a job, to set the account's daily call counters to zero."""
    # WeChat allows ten a month and account: the key of the job keeps a double click from using two
    account_checks.request_quota_reset(access_account(account_id))
    flash_success("正在向微信申请清零，几秒后刷新本页即可看到。")
    return redirect_to("accounts.show", account_id=account_id)


# ---- the account's own QR code ----


@blueprint.post("/<int:account_id>/code")
@requires(Permission.ACCOUNTS_MANAGE)
def request_qrcode(account_id: int) -> ViewResult:
    """Ask WeChat, by a job, for the QR code that follows the account."""
    account_checks.request_qrcode(access_account(account_id))
    flash_success("正在向微信申请二维码，几秒后刷新本页即可看到。")
    return redirect_to("accounts.show", account_id=account_id)


@blueprint.get("/<int:account_id>/code.<kind>")
@requires(Permission.ACCOUNTS_READ)
def qrcode(account_id: int, kind: str) -> Response:
    """The QR code as a file, for screens (svg) or for print (png); 404 for another kind."""
    account = access_account(account_id, Permission.ACCOUNTS_READ)
    if kind not in ("svg", "png") or not account.qr_url:
        raise NotFound(kind="qrcode", id=account_id)
    buffer = io.BytesIO()
    segno.make_qr(account.qr_url, error="m").save(buffer, kind=kind, scale=_QR_SCALE, border=4)
    buffer.seek(0)
    return send_file(
        buffer,
        mimetype={"svg": "image/svg+xml", "png": "image/png"}[kind],
        as_attachment=True,
        download_name=f"{account.name}-二维码.{kind}",
    )


# ---- pausing ----


@blueprint.get("/<int:account_id>/pause")
@requires(Permission.ACCOUNTS_MANAGE)
def pause_form(account_id: int) -> str:
    """What pausing does, and a form for the reason."""
    account = access_account(account_id)
    return render_template("console/accounts/pause.html", account=account, form=PauseForm())


@blueprint.post("/<int:account_id>/pause/now")
@requires(Permission.ACCOUNTS_MANAGE)
# it silences an account for all its followers at once
@requires_confirmation
def pause(account_id: int) -> ViewResult:
    """Stop the account: it neither answers nor sends, on all servers within seconds."""
    account, form = access_account(account_id), PauseForm()
    if not form.validate_on_submit():
        return render_template("console/accounts/pause.html", account=account, form=form), 422
    accounts.pause(account_id, reason=form.reason.data or "")
    flash_success(f"{account.name}已暂停，几秒内全部生效。")
    return redirect_to("accounts.show", account_id=account_id)


@blueprint.post("/<int:account_id>/resume")
@requires(Permission.ACCOUNTS_MANAGE)
def resume(account_id: int) -> ViewResult:
    """Let the account answer and send again."""
    account = access_account(account_id)
    accounts.resume(account_id)
    flash_success(f"{account.name}已恢复。")
    return redirect_to("accounts.show", account_id=account_id)
