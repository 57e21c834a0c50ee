"""The menu of every account; the versions of one; pushing, restoring and copying them."""

from flask import render_template, request
from werkzeug.wrappers import Response

from app.console import forms
from app.console.menus import form_rows
from app.console.menus.blueprint import STATE_LABELS, account_header, blueprint
from app.console.responses import ViewResult, flash_success, flash_warning, redirect_to
from app.web.auth import member, requires
from config import clock
from config.permissions import Permission
from matrix import menus

_PAGE_SIZE = 20


@blueprint.get("/")
@requires(Permission.ACCOUNTS_READ)
def index() -> str:
    """Every account with its newest menu."""
    # one query for all accounts, instead of asking for each row whether a button may be shown
    writable = {row.account_id for row in menus.list_targets_for_staff(member())}
    return render_template(
        "console/menus/index.html",
        rows=menus.list_newest_for_staff(member()),
        writable_account_ids=writable,
        state_labels=STATE_LABELS,
    )


@blueprint.get("/<int:account_id>/versions")
@requires(Permission.ACCOUNTS_READ)
def versions(account_id: int) -> str:
    """The versions of one account, newest first."""
    before = request.args.get("before", type=int)
    found = menus.list_versions_for_staff(member(), account_id, before=before, limit=_PAGE_SIZE + 1)
    return render_template(
        "console/menus/versions.html",
        header=account_header(account_id),
        versions=found[:_PAGE_SIZE],
        older_version=found[_PAGE_SIZE - 1].version if len(found) > _PAGE_SIZE else None,
        before=before,
        state_labels=STATE_LABELS,
    )


@blueprint.get("/versions/<int:menu_id>")
@requires(Permission.ACCOUNTS_READ)
def show(menu_id: int) -> str:
    """One version, its state at WeChat, and its copies."""
    menu = menus.access_menu(member(), menu_id, Permission.ACCOUNTS_READ)
    newest = menus.find_newest(menu.account_id)
    return render_template(
        "console/menus/show.html",
        header=account_header(menu.account_id),
        menu=menu,
        is_newest=newest is not None and newest.id == menu.id,
        copies=menus.list_copies_for_staff(member(), menu_id),
        state_labels=STATE_LABELS,
        kind_labels=form_rows.KIND_LABELS,
    )


@blueprint.get("/versions/<int:menu_id>/state")
@requires(Permission.ACCOUNTS_READ)
def state(menu_id: int) -> str:
    """The state as part of a page, which polls this address while the push is waiting."""
    menu = menus.access_menu(member(), menu_id, Permission.ACCOUNTS_READ)
    return render_template("console/menus/_state.html", menu=menu, state_labels=STATE_LABELS)


@blueprint.post("/versions/<int:menu_id>/push")
@requires(Permission.MENUS_WRITE)
def push(menu_id: int) -> Response:
    """Push this version to WeChat, also when it was pushed before."""
    menus.push(member(), menu_id)
    return redirect_to("menus.show", menu_id=menu_id)


@blueprint.post("/versions/<int:menu_id>/restore")
@requires(Permission.MENUS_WRITE)
def restore(menu_id: int) -> Response:
    """Save an older version as the newest one and push it."""
    menu = menus.restore(member(), menu_id, now=clock.now())
    flash_success(f"已恢复为第 {menu.version} 版，正在推送。")
    return redirect_to("menus.show", menu_id=menu.id)


@blueprint.route("/versions/<int:menu_id>/copy", methods=["GET", "POST"])
@requires(Permission.MENUS_WRITE)
def copy(menu_id: int) -> ViewResult:
    """Copy this menu to other accounts and push it there."""
    menu = menus.access_menu(member(), menu_id, Permission.MENUS_WRITE)
    form, problem = forms.Form(), ""
    if form.validate_on_submit():
        chosen = request.form.getlist("account", type=int)
        # the ids come from check boxes without a form field; `copy_to`
        # checks access to each account
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
        header=account_header(menu.account_id),
        menu=menu,
        targets=targets,
        form=form,
        problem=problem,
    )
    return (page, 422) if form.is_submitted() else page


@blueprint.get("/versions/<int:menu_id>/copies")
@requires(Permission.ACCOUNTS_READ)
def copies(menu_id: int) -> str:
    """The state of the copies, by account; only the table when htmx polls."""
    menu = menus.access_menu(member(), menu_id, Permission.ACCOUNTS_READ)
    template = "_copies.html" if "HX-Request" in request.headers else "copies.html"
    return render_template(
        f"console/menus/{template}",
        header=account_header(menu.account_id),
        menu=menu,
        copies=menus.list_copies_for_staff(member(), menu_id),
        state_labels=STATE_LABELS,
    )
