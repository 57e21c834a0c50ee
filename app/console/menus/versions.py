"""Versions: the board of all accounts, one account's history, pushing, copying, going back."""

from flask import render_template, request
from werkzeug.wrappers import Response

from app.console import forms
from app.console.menus import form_rows
from app.console.menus.blueprint import STATE_LABELS, account_header, blueprint
from app.console.template_globals import flash_success, flash_warning, redirect_to
from app.web.auth import member, requires
from config import clock
from config.permissions import Permission
from matrix import menus
from matrix.menus import remote_state

ViewResult = str | Response | tuple[str, int]

_PAGE_SIZE = 20


@blueprint.get("/")
@requires(Permission.ACCOUNTS_READ)
def index() -> str:
    """Every account with its newest menu."""
    standings = menus.list_newest_for_staff(member())
    writable = {row.account_id for row in menus.list_targets_for_staff(member())}
    return render_template(
        "console/menus/index.html", standings=standings, writable=writable, states=STATE_LABELS
    )


@blueprint.get("/<int:account_id>/versions")
@requires(Permission.ACCOUNTS_READ)
def versions(account_id: int) -> str:
    """The versions of one account, newest first."""
    before = request.args.get("before", type=int)
    found = menus.list_versions_for_staff(member(), account_id, before=before, limit=_PAGE_SIZE + 1)
    return render_template(
        "console/menus/versions.html",
        head=account_header(account_id),
        versions=found[:_PAGE_SIZE],
        older=found[_PAGE_SIZE - 1].version if len(found) > _PAGE_SIZE else None,
        before=before,
        states=STATE_LABELS,
    )


@blueprint.get("/versions/<int:menu_id>")
@requires(Permission.ACCOUNTS_READ)
def show(menu_id: int) -> str:
    """One version, and what became of it."""
    menu = menus.access_menu(member(), menu_id, Permission.ACCOUNTS_READ)
    newest, remote_menu = (
        menus.find_newest(menu.account_id),
        remote_state.find_for_staff(member(), menu.account_id),
    )
    return render_template(
        "console/menus/show.html",
        head=account_header(menu.account_id),
        menu=menu,
        is_newest=newest is not None and newest.id == menu.id,
        copies=menus.list_copies_for_staff(member(), menu_id),
        sight=remote_menu,
        states=STATE_LABELS,
        kind_words=form_rows.KIND_LABELS,
    )


@blueprint.get("/versions/<int:menu_id>/state")
@requires(Permission.ACCOUNTS_READ)
def state(menu_id: int) -> str:
    """What became of it, asked again while it waits."""
    menu = menus.access_menu(member(), menu_id, Permission.ACCOUNTS_READ)
    return render_template("console/menus/_state.html", menu=menu, states=STATE_LABELS)


@blueprint.post("/versions/<int:menu_id>/push")
@requires(Permission.MENUS_WRITE)
def push(menu_id: int) -> Response:
    """Have WeChat show this version, also once more."""
    menus.push(member(), menu_id)
    return redirect_to("menus.show", menu_id=menu_id)


@blueprint.post("/versions/<int:menu_id>/restore")
@requires(Permission.MENUS_WRITE)
def restore(menu_id: int) -> Response:
    """Make an older version the newest and push it."""
    menu = menus.restore(member(), menu_id, now=clock.now())
    flash_success(f"已恢复为第 {menu.version} 版，正在推送。")
    return redirect_to("menus.show", menu_id=menu.id)


@blueprint.route("/versions/<int:menu_id>/copy", methods=["GET", "POST"])
@requires(Permission.MENUS_WRITE)
def copy(menu_id: int) -> ViewResult:
    """Give other accounts this menu."""
    menu = menus.access_menu(member(), menu_id, Permission.MENUS_WRITE)
    form, problem = forms.Form(), ""
    if form.validate_on_submit():
        chosen = request.form.getlist("account", type=int)
        copies = menus.copy_to(member(), menu_id, chosen, now=clock.now()) if chosen else []
        unchanged_accounts = [row.account for row in copies if not row.is_new]
        if unchanged_accounts:
            flash_warning(f"{'、'.join(unchanged_accounts)}的菜单已经相同，没有再推送。")
        if copies:
            return redirect_to("menus.copies", menu_id=menu_id)
        problem = "请至少选择一个公众号"
    targets = [
        row for row in menus.list_targets_for_staff(member()) if row.account_id != menu.account_id
    ]
    page = render_template(
        "console/menus/copy.html",
        head=account_header(menu.account_id),
        menu=menu,
        targets=targets,
        form=form,
        problem=problem,
        states=STATE_LABELS,
    )
    return (page, 422) if form.is_submitted() else page


@blueprint.get("/versions/<int:menu_id>/copies")
@requires(Permission.ACCOUNTS_READ)
def copies(menu_id: int) -> str:
    """How far the copies are, account by account; a table alone for who asks again."""
    menu = menus.access_menu(member(), menu_id, Permission.ACCOUNTS_READ)
    template = "_copies.html" if "HX-Request" in request.headers else "copies.html"
    return render_template(
        f"console/menus/{template}",
        head=account_header(menu.account_id),
        menu=menu,
        copies=menus.list_copies_for_staff(member(), menu_id),
        states=STATE_LABELS,
    )
