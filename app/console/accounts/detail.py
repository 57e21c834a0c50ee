"""All accounts, the worst first; one account with its figures, its code and its tasks."""

import io
from collections import Counter

import segno
from flask import render_template, request, send_file
from werkzeug.wrappers import Response

from app.console import forms
from app.console.accounts.blueprint import (
    ViewResult,
    access_account,
    blueprint,
    callback_url,
    check_steps_of,
)
from app.console.accounts.forms import KIND_LABELS, MODE_LABELS, TodoForm
from app.console.template_globals import flash_success, flash_warning, redirect_to
from app.jobs import account_checks
from app.web.auth import member, requires
from config import clock
from config.errors import NotFound
from config.permissions import Permission
from matrix import departments
from matrix.accounts import Account, AccountKind, connection_checks, todos
from matrix.health import health
from matrix.health.health import HealthLevel

LEVEL_LABELS = {
    HealthLevel.BAD: ("需处理", "red"),
    HealthLevel.WARN: ("留意", "yellow"),
    HealthLevel.OK: ("正常", "green"),
}
TODO_LABELS = {
    todos.TodoKind.KEYS: "更换 Token 和 EncodingAESKey",
    todos.TodoKind.SECRET: "更换 AppSecret",
}
_QR_SCALE = 20  # a module of a code for print


@blueprint.get("/")
@requires(Permission.ACCOUNTS_READ)
def index() -> str:
    """How all accounts do."""
    found = health.list_for_staff(member(), Permission.ACCOUNTS_READ, now=clock.now())
    permission_scope = member().scope(Permission.ACCOUNTS_MANAGE)
    search, level = request.args.get("q", "").strip(), request.args.get("level", "")
    rows = [
        row
        for row in found
        if level in ("", row.level.value)
        and (search in row.inputs.account.name or search in row.inputs.department)
    ]
    return render_template(
        "console/accounts/index.html",
        rows=rows,
        counts=Counter(row.level.value for row in found),
        total=len(found),
        may_add=permission_scope.everywhere or bool(permission_scope.departments),
        level=level,
        words=search,
        levels=LEVEL_LABELS,
        kinds=KIND_LABELS,
    )


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
        health=account_health,
        steps=steps,
        tasks=todos.list_for_account(account.id),
        task_names=TODO_LABELS,
        former=departments.former_names(account.department_id),
        callback_url=callback_url(account),
        picture=_qr_data_uri(account),
        is_connected=connection_checks.is_connected(steps),
        can_draw=account.verified and account.kind is AccountKind.SERVICE,
        levels=LEVEL_LABELS,
        kinds=KIND_LABELS,
        modes=MODE_LABELS,
        form=form,
    )


def _qr_data_uri(account: Account) -> str:
    if not account.qr_url:
        return ""
    return segno.make_qr(account.qr_url).svg_data_uri(scale=5, border=2)


@blueprint.post("/tasks/<int:todo_id>/done")
@requires(Permission.ACCOUNTS_MANAGE)
def resolve_todo(todo_id: int) -> ViewResult:
    """Close a task by hand, saying how it was settled."""
    todo = todos.access_todo(member(), todo_id, Permission.ACCOUNTS_MANAGE)
    form = TodoForm()
    if form.validate_on_submit():
        with forms.errors_on(form, "how"):
            todos.complete(todo, form.how.data or "", now=clock.now())
    if form.is_refused:
        flash_warning(f"{TODO_LABELS[todo.kind]}：{'；'.join(form.how.errors)}")
    else:
        flash_success("已记录处理结果。")
    return redirect_to("accounts.show", account_id=todo.account_id)


@blueprint.post("/<int:account_id>/quota/clear")
@requires(Permission.ACCOUNTS_MANAGE)
def clear_quota(account_id: int) -> ViewResult:
    """Have today's counters set to zero."""
    account_checks.request_quota_reset(access_account(account_id))
    flash_success("正在向微信申请清零，几秒后刷新本页即可看到。")
    return redirect_to("accounts.show", account_id=account_id)


# ---- the account's own code ----


@blueprint.post("/<int:account_id>/code")
@requires(Permission.ACCOUNTS_MANAGE)
def request_qrcode(account_id: int) -> ViewResult:
    """Have WeChat make the account's own code."""
    account_checks.request_qrcode(access_account(account_id))
    flash_success("正在向微信申请二维码，几秒后刷新本页即可看到。")
    return redirect_to("accounts.show", account_id=account_id)


@blueprint.get("/<int:account_id>/code.<kind>")
@requires(Permission.ACCOUNTS_READ)
def qrcode(account_id: int, kind: str) -> Response:
    """The account's own code as a file: for screens (svg) or for print (png)."""
    account = access_account(account_id, Permission.ACCOUNTS_READ)
    if kind not in ("svg", "png") or not account.qr_url:
        raise NotFound(kind="qrcode", id=account_id)
    out = io.BytesIO()
    segno.make_qr(account.qr_url, error="m").save(out, kind=kind, scale=_QR_SCALE, border=4)
    out.seek(0)
    return send_file(
        out,
        mimetype={"svg": "image/svg+xml", "png": "image/png"}[kind],
        as_attachment=True,
        download_name=f"{account.name}-二维码.{kind}",
    )
