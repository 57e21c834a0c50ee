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

- The request is one unit of work (app/web/unit_of_work.py): GET reads, POST commits below 400. A form that was
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
  blocks `scripts` and `styles`; inline ones do not run (app/web/security_headers.py).
- A group's line in the navigation stands in `NAVIGATION`, its blueprint in `GROUPS`.
"""

from dataclasses import dataclass

from flask import Blueprint, Flask, current_app

from app.console import (
    accounts,
    alerts,
    audit,
    conversations,
    departments,
    home,
    media,
    menus,
    profile,
    qrcodes,
    rules,
    sign_in,
    staff,
    studio,
    template_globals,
)
from app.web import auth
from config.permissions import Permission

BLUEPRINTS: tuple[Blueprint, ...] = (
    home.blueprint,
    sign_in.blueprint,
    profile.blueprint,
    conversations.blueprint,
    alerts.blueprint,
    rules.blueprint,
    studio.tools_blueprint,
    accounts.blueprint,
    menus.blueprint,
    qrcodes.blueprint,
    media.blueprint,
    departments.blueprint,
    staff.blueprint,
    audit.blueprint,
)


@dataclass(frozen=True)
class NavigationEntry:
    """One line of the navigation, for whoever has one of the rights. Without rights for all."""

    label: str
    icon: str
    endpoint: str
    permissions: tuple[Permission, ...] = ()


NAVIGATION: tuple[tuple[str, tuple[NavigationEntry, ...]], ...] = (
    ("", (NavigationEntry("待办", "checklist", "home.index"),)),
    (
        "对话",
        (
            NavigationEntry(
                "市民留言", "messages", "conversations.index", (Permission.CONVERSATIONS_READ,)
            ),
            NavigationEntry(
                "提醒",
                "bell",
                "alerts.index",
                (Permission.CONVERSATIONS_READ, Permission.ALERTS_RESOLVE),
            ),
        ),
    ),
    (
        "关键词",
        (
            NavigationEntry("规则", "list-details", "rules.index", (Permission.RULES_READ,)),
            NavigationEntry("试一试", "flask", "rule_tools.tester", (Permission.RULES_READ,)),
            NavigationEntry(
                "没有答上的", "help-circle", "rule_tools.list_unanswered", (Permission.RULES_READ,)
            ),
            NavigationEntry(
                "导入导出", "file-import", "rule_tools.imports", (Permission.RULES_WRITE,)
            ),
        ),
    ),
    (
        "公众号",
        (
            NavigationEntry("账号", "brand-wechat", "accounts.index", (Permission.ACCOUNTS_READ,)),
            NavigationEntry("菜单", "layout-bottombar", "menus.index", (Permission.ACCOUNTS_READ,)),
            NavigationEntry("参数二维码", "qrcode", "qrcodes.index", (Permission.ACCOUNTS_READ,)),
            NavigationEntry(
                "素材", "photo", "media.index", (Permission.MEDIA_WRITE, Permission.RULES_WRITE)
            ),
        ),
    ),
    (
        "管理",
        (
            NavigationEntry(
                "单位", "building", "departments.index", (Permission.DEPARTMENTS_MANAGE,)
            ),
            NavigationEntry("人员", "users", "staff.index", (Permission.STAFF_READ,)),
            NavigationEntry("操作记录", "history", "audit.index", (Permission.AUDIT_READ,)),
        ),
    ),
)


def register(app: Flask) -> None:
    """Give the application the console."""
    auth.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    template_globals.register(app, visible_navigation)


def visible_navigation() -> list[tuple[str, list[NavigationEntry]]]:
    """What the person who asks finds in the navigation: pages that are there and are theirs."""
    member = auth.member()
    sections = []
    for heading, entries in NAVIGATION:
        visible = [
            entry
            for entry in entries
            if entry.endpoint in current_app.view_functions
            and (not entry.permissions or any(member.scope(right) for right in entry.permissions))
        ]
        if visible:
            sections.append((heading, visible))
    return sections
