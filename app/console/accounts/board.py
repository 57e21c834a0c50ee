"""All accounts, the worst first; one account with its figures, its code and its tasks."""

import io
from collections import Counter

import segno
from flask import render_template, request, send_file
from werkzeug.wrappers import Response

from app import connecting
from app.auth import member, needs
from app.console import forms
from app.console.accounts.blueprint import Answer, blueprint, callback_url, reachable, steps_of
from app.console.accounts.forms import KINDS, MODES, TaskForm
from app.console.drawing import away, done, warn
from config import clock
from config.errors import NotFound
from config.tenancy import Right
from matrix import account_tasks, board, departments, probes
from matrix.accounts import Account, Kind
from matrix.board import Level

LEVELS = {Level.BAD: ("需处理", "red"), Level.WARN: ("留意", "yellow"), Level.OK: ("正常", "green")}
TASKS = {
    account_tasks.Kind.KEYS: "更换 Token 和 EncodingAESKey",
    account_tasks.Kind.SECRET: "更换 AppSecret",
}
_PIXELS = 20  # a module of a code for print


@blueprint.get("/")
@needs(Right.ACCOUNTS_READ)
def index() -> str:
    """How all accounts do."""
    found = board.board(member(), Right.ACCOUNTS_READ, now=clock.now())
    area = member().area(Right.ACCOUNTS_MANAGE)
    words, level = request.args.get("q", "").strip(), request.args.get("level", "")
    shown = [
        one
        for one in found
        if level in ("", one.level.value)
        and (words in one.facts.account.name or words in one.facts.department)
    ]
    return render_template(
        "console/accounts/index.html",
        rows=shown,
        counts=Counter(one.level.value for one in found),
        total=len(found),
        may_add=area.everywhere or bool(area.departments),
        level=level,
        words=words,
        levels=LEVELS,
        kinds=KINDS,
    )


@blueprint.get("/<int:account_id>")
@needs(Right.ACCOUNTS_READ)
def show(account_id: int) -> str:
    """One account."""
    return _page(reachable(account_id, Right.ACCOUNTS_READ), TaskForm())


def _page(account: Account, form: TaskForm) -> str:
    (health,) = board.judged([account], now=clock.now())
    steps = steps_of(account)
    return render_template(
        "console/accounts/show.html",
        account=account,
        health=health,
        steps=steps,
        tasks=account_tasks.of_account(account.id),
        task_names=TASKS,
        former=departments.former_names(account.department_id),
        callback_url=callback_url(account),
        picture=_drawn(account),
        is_connected=probes.is_connected(steps),
        can_draw=account.verified and account.kind is Kind.SERVICE,
        levels=LEVELS,
        kinds=KINDS,
        modes=MODES,
        form=form,
    )


def _drawn(account: Account) -> str:
    if not account.qr_url:
        return ""
    return segno.make_qr(account.qr_url).svg_data_uri(scale=5, border=2)


@blueprint.post("/tasks/<int:task_id>/done")
@needs(Right.ACCOUNTS_MANAGE)
def settle_task(task_id: int) -> Answer:
    """Close a task by hand, saying how it was settled."""
    task = account_tasks.access_task(member(), task_id, Right.ACCOUNTS_MANAGE)
    form = TaskForm()
    if form.validate_on_submit():
        with forms.blaming(form, "how"):
            account_tasks.done(task, form.how.data or "", now=clock.now())
    if form.is_refused:
        warn(f"{TASKS[task.kind]}：{'；'.join(form.how.errors)}")
    else:
        done("已记录处理结果。")
    return away("accounts.show", account_id=task.account_id)


@blueprint.post("/<int:account_id>/quota/clear")
@needs(Right.ACCOUNTS_MANAGE)
def clear_quota(account_id: int) -> Answer:
    """Have today's counters set to zero."""
    connecting.ask_clearing(reachable(account_id))
    done("正在向微信申请清零，几秒后刷新本页即可看到。")
    return away("accounts.show", account_id=account_id)


# ---- the account's own code ----


@blueprint.post("/<int:account_id>/code")
@needs(Right.ACCOUNTS_MANAGE)
def draw(account_id: int) -> Answer:
    """Have WeChat make the account's own code."""
    connecting.ask_code(reachable(account_id))
    done("正在向微信申请二维码，几秒后刷新本页即可看到。")
    return away("accounts.show", account_id=account_id)


@blueprint.get("/<int:account_id>/code.<kind>")
@needs(Right.ACCOUNTS_READ)
def code(account_id: int, kind: str) -> Response:
    """The account's own code as a file: for screens (svg) or for print (png)."""
    account = reachable(account_id, Right.ACCOUNTS_READ)
    if kind not in ("svg", "png") or not account.qr_url:
        raise NotFound(kind="code", id=account_id)
    out = io.BytesIO()
    segno.make_qr(account.qr_url, error="m").save(out, kind=kind, scale=_PIXELS, border=4)
    out.seek(0)
    return send_file(
        out,
        mimetype={"svg": "image/svg+xml", "png": "image/png"}[kind],
        as_attachment=True,
        download_name=f"{account.name}-二维码.{kind}",
    )
