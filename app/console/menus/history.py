"""Versions: the board of all accounts, one account's history, pushing, copying, going back."""

from flask import render_template, request
from werkzeug.wrappers import Response

from app.auth import member, needs
from app.console import forms
from app.console.drawing import away, done, warn
from app.console.menus import shaping
from app.console.menus.blueprint import STATES, blueprint, head
from config import clock
from config.tenancy import Right
from matrix import menus
from matrix.menus import sights

Answer = str | Response | tuple[str, int]

_A_PAGE = 20


@blueprint.get("/")
@needs(Right.ACCOUNTS_READ)
def index() -> str:
    """Every account with its newest menu."""
    standings = menus.standings_for_staff(member())
    writable = {one.account_id for one in menus.targets_for_staff(member())}
    return render_template(
        "console/menus/index.html", standings=standings, writable=writable, states=STATES
    )


@blueprint.get("/<int:account_id>/versions")
@needs(Right.ACCOUNTS_READ)
def versions(account_id: int) -> str:
    """The versions of one account, newest first."""
    before = request.args.get("before", type=int)
    found = menus.menus_for_staff(member(), account_id, before=before, limit=_A_PAGE + 1)
    return render_template(
        "console/menus/versions.html",
        head=head(account_id),
        versions=found[:_A_PAGE],
        older=found[_A_PAGE - 1].version if len(found) > _A_PAGE else None,
        before=before,
        states=STATES,
    )


@blueprint.get("/versions/<int:menu_id>")
@needs(Right.ACCOUNTS_READ)
def show(menu_id: int) -> str:
    """One version, and what became of it."""
    menu = menus.access_menu(member(), menu_id, Right.ACCOUNTS_READ)
    newest, sight = menus.newest(menu.account_id), sights.sight_for_staff(member(), menu.account_id)
    return render_template(
        "console/menus/show.html",
        head=head(menu.account_id),
        menu=menu,
        is_newest=newest is not None and newest.id == menu.id,
        copies=menus.copies_for_staff(member(), menu_id),
        sight=sight,
        states=STATES,
        kind_words=shaping.WORDS,
    )


@blueprint.get("/versions/<int:menu_id>/state")
@needs(Right.ACCOUNTS_READ)
def state(menu_id: int) -> str:
    """What became of it, asked again while it waits."""
    menu = menus.access_menu(member(), menu_id, Right.ACCOUNTS_READ)
    return render_template("console/menus/_state.html", menu=menu, states=STATES)


@blueprint.post("/versions/<int:menu_id>/push")
@needs(Right.MENUS_WRITE)
def push(menu_id: int) -> Response:
    """Have WeChat show this version, also once more."""
    menus.push(member(), menu_id)
    return away("menus.show", menu_id=menu_id)


@blueprint.post("/versions/<int:menu_id>/restore")
@needs(Right.MENUS_WRITE)
def restore(menu_id: int) -> Response:
    """Make an older version the newest and push it."""
    menu = menus.restore(member(), menu_id, now=clock.now())
    done(f"已恢复为第 {menu.version} 版，正在推送。")
    return away("menus.show", menu_id=menu.id)


@blueprint.route("/versions/<int:menu_id>/copy", methods=["GET", "POST"])
@needs(Right.MENUS_WRITE)
def copy(menu_id: int) -> Answer:
    """Give other accounts this menu."""
    menu = menus.access_menu(member(), menu_id, Right.MENUS_WRITE)
    form, problem = forms.Form(), ""
    if form.validate_on_submit():
        chosen = request.form.getlist("account", type=int)
        copies = menus.spread(member(), menu_id, chosen, now=clock.now()) if chosen else []
        same = [one.account for one in copies if not one.is_new]
        if same:
            warn(f"{'、'.join(same)}的菜单已经相同，没有再推送。")
        if copies:
            return away("menus.copies", menu_id=menu_id)
        problem = "请至少选择一个公众号"
    targets = [
        one for one in menus.targets_for_staff(member()) if one.account_id != menu.account_id
    ]
    page = render_template(
        "console/menus/copy.html",
        head=head(menu.account_id),
        menu=menu,
        targets=targets,
        form=form,
        problem=problem,
        states=STATES,
    )
    return (page, 422) if form.is_submitted() else page


@blueprint.get("/versions/<int:menu_id>/copies")
@needs(Right.ACCOUNTS_READ)
def copies(menu_id: int) -> str:
    """How far the copies are, account by account; a table alone for who asks again."""
    menu = menus.access_menu(member(), menu_id, Right.ACCOUNTS_READ)
    template = "_copies.html" if "HX-Request" in request.headers else "copies.html"
    return render_template(
        f"console/menus/{template}",
        head=head(menu.account_id),
        menu=menu,
        copies=menus.copies_for_staff(member(), menu_id),
        states=STATES,
    )
