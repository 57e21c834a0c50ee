"""The console: the staff's pages, one module a page group.

How a page is made

    blueprint = Blueprint("rules", __name__, url_prefix="/console/rules")

    @blueprint.get("/<int:rule_id>")
    @needs(Right.RULES_READ)                     held somewhere; or @signed_in, @public
    def show(rule_id: int) -> str:
        rule = stored.access_rule(member(), rule_id, Right.RULES_READ)     404 outside of reach
        return render_template("console/rules/show.html", rule=rule)

    @blueprint.route("/<int:rule_id>/delete", methods=["POST"])
    @needs(Right.RULES_WRITE)
    @confirmed                                    second factor again: deeds (POST) only
    def delete(rule_id: int) -> Response:
        ...
        done("已删除。")                           a line on the next page
        return away("rules.index")                redirect, also for htmx

- The request is one unit of work (app/edge.py): GET reads, POST commits below 400. A form that was
  refused is shown again with status 422 and what was typed: `return render_template(…), 422`.
- A form is a `forms.Form` with typed fields. `with forms.blaming(form, field="other"):` puts what
  a deed refuses (`Invalid`) on the field of that name, other `DomainError`s on top of the form, and
  swallows them; ask `form.errors` or `form.form_errors` afterwards.
- Templates extend "console/base.html" and fill `title`, `actions` (buttons beside the title) and
  `content`; macros stand in "console/parts.html" (icon, empty, when, pager, badge, confirm_button)
  and "console/forms.html" (field, submit, errors). `may(Right.X)` tells whether to show a button.
- htmx: `hx-get`/`hx-post` on elements; the CSRF token goes along by itself. A poll carries
  hx-headers='{"X-Quiet": "1"}', so that it does not keep a forgotten page signed in. A partial
  answer is a template whose name begins with "_". A refusal (4xx) of a partial shows its text as
  a toast; 422 is swapped in like a good answer.
- Page scripts and styles are files of app/static/console, named by `asset("console/x.js")` in the
  blocks `scripts` and `styles`; inline ones do not run (app/headers.py).
- A group's line in the navigation stands in `NAVIGATION`, its blueprint in `GROUPS`.
"""

from dataclasses import dataclass

from flask import Blueprint, Flask, current_app

from app import auth
from app.console import (
    accounts,
    alarms,
    codes,
    departments,
    drawing,
    home,
    me,
    media,
    menus,
    rules,
    sign_in,
    studio,
    talks,
)
from config.tenancy import Right

GROUPS: tuple[Blueprint, ...] = (
    home.blueprint,
    sign_in.blueprint,
    me.blueprint,
    talks.blueprint,
    alarms.blueprint,
    rules.blueprint,
    studio.blueprint,
    accounts.blueprint,
    menus.blueprint,
    codes.blueprint,
    media.blueprint,
    departments.blueprint,
)


@dataclass(frozen=True)
class Entry:
    """One line of the navigation, for whoever has one of the rights. Without rights for all."""

    label: str
    icon: str
    endpoint: str
    rights: tuple[Right, ...] = ()


NAVIGATION: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    ("", (Entry("待办", "checklist", "home.index"),)),
    (
        "对话",
        (
            Entry("市民留言", "messages", "talks.index", (Right.TALKS_READ,)),
            Entry("提醒", "bell", "alarms.index", (Right.TALKS_READ, Right.ALARMS_CLOSE)),
        ),
    ),
    (
        "关键词",
        (
            Entry("规则", "list-details", "rules.index", (Right.RULES_READ,)),
            Entry("试一试", "flask", "studio.bench", (Right.RULES_READ,)),
            Entry("没有答上的", "help-circle", "studio.unmatched", (Right.RULES_READ,)),
            Entry("导入导出", "file-import", "studio.imports", (Right.RULES_WRITE,)),
        ),
    ),
    (
        "公众号",
        (
            Entry("账号", "brand-wechat", "accounts.index", (Right.ACCOUNTS_READ,)),
            Entry("菜单", "layout-bottombar", "menus.index", (Right.ACCOUNTS_READ,)),
            Entry("参数二维码", "qrcode", "codes.index", (Right.ACCOUNTS_READ,)),
            Entry("素材", "photo", "media.index", (Right.MEDIA_WRITE, Right.RULES_WRITE)),
        ),
    ),
    (
        "管理",
        (
            Entry("单位", "building", "departments.index", (Right.DEPARTMENTS_MANAGE,)),
            Entry("人员", "users", "staff.index", (Right.STAFF_READ,)),
            Entry("审计", "history", "audit.index", (Right.AUDIT_READ,)),
        ),
    ),
)


def register(app: Flask) -> None:
    """Give the application the console."""
    auth.register(app)
    for blueprint in GROUPS:
        app.register_blueprint(blueprint)
    drawing.register(app, navigation)


def navigation() -> list[tuple[str, list[Entry]]]:
    """What the person who asks finds in the navigation: pages that are there and are theirs."""
    member = auth.member()
    shown = []
    for heading, entries in NAVIGATION:
        own = [
            entry
            for entry in entries
            if entry.endpoint in current_app.view_functions
            and (not entry.rights or any(member.area(right) for right in entry.rights))
        ]
        if own:
            shown.append((heading, own))
    return shown
