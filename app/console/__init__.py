"""The console: the pages of the staff, one module or package for each group of pages.

How a page is made:

    blueprint = Blueprint("rules", __name__, url_prefix="/console/rules")

    @blueprint.get("/<int:rule_id>")
    @requires(Permission.RULES_READ)          held anywhere; or @requires_sign_in, @public
    def show(rule_id: int) -> str:
        rule = store.access_rule(member(), rule_id, Permission.RULES_READ)   else 404
        return render_template("console/rules/show.html", rule=rule)

    @blueprint.post("/<int:rule_id>/delete")
    @requires(Permission.RULES_WRITE)
    @requires_confirmation                    the second factor again: for actions (POST) only
    def delete(rule_id: int) -> ViewResult:
        ...
        flash_success("已删除。")              shown on the next page
        return redirect_to("rules.index")     also when htmx asked

- A request is one unit of work (app/web/unit_of_work.py): GET reads; POST commits when the status
  is below 400 and rolls back otherwise. A refused form is therefore shown again with status 422 and
  what was typed: `return render_template(…), 422`.
- A form is a `forms.Form` with typed fields. `with forms.errors_on(form, field="other"):` takes the
  errors of the rooms: `Invalid` becomes the error of the field it names, any other
  `DomainError` one of `field` or, without it, of the whole form. Nothing is raised then: ask
  `form.is_refused`.
- Templates extend "console/base.html" and fill the blocks `title`, `actions` (buttons beside the
  title) and `content`. Macros are in "console/macros.html" (empty_state, local_time, badge,
  pager, post_button) and "console/form_macros.html" (field, submit, errors). What else a template
  may call is in template_globals.py, such as `may(Permission.X)` to decide whether a button is
  shown. A name or attribute that does not exist raises (jinja2.StrictUndefined).
- htmx: `hx-get` and `hx-post` on elements; the CSRF token is sent along for all of them. A poll
  carries hx-headers='{"X-Quiet": "1"}', so that a forgotten page does not keep its session alive. A
  template that is part of a page has a name that begins with "_". The text of an error (4xx) is
  shown as a toast; a 422 is swapped into the page like a success.
- Scripts and styles are files of app/static/console, named by `asset("console/x.js")` in the blocks
  `scripts` and `styles`. Inline ones do not run: app/web/security_headers.py forbids them.
- A new group of pages needs its blueprint in `BLUEPRINTS` and its line in `NAVIGATION`.
"""

from dataclasses import dataclass

from flask import Blueprint, Flask

from app.console import (
    accounts,
    alerts,
    audit,
    conversations,
    departments,
    home,
    media,
    menus,
    notifications,
    profile,
    qrcodes,
    rules,
    sign_in,
    staff,
    template_globals,
)
from app.web import auth
from app.web.security_headers import forbid_storing
from app.web.sites import Site
from config.alerts.listing import WaitingCount
from config.permissions import Permission

BLUEPRINTS: tuple[Blueprint, ...] = (
    home.blueprint,
    sign_in.blueprint,
    profile.blueprint,
    notifications.blueprint,
    conversations.blueprint,
    alerts.blueprint,
    rules.blueprint,
    rules.tools_blueprint,
    accounts.blueprint,
    menus.blueprint,
    qrcodes.blueprint,
    media.blueprint,
    departments.blueprint,
    staff.blueprint,
    audit.blueprint,
)

site = Site(
    BLUEPRINTS,
    prepare=auth.load_session,
    guard=auth.check_access,
    # pages show citizens' messages: a shared computer at a counter must not keep them in its cache
    after=forbid_storing,
    teardown=auth.clear_audit_actor,
)


@dataclass(frozen=True)
class NavigationEntry:
    """A link of the navigation, shown to whoever holds one of `permissions`; to all if it has none.

    `icon` is the name of a Tabler icon, without its ending.
    """

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
    """Add the console to the application: its guard, its pages and its template functions."""
    site.register(app)
    template_globals.register(app, visible_navigation)
    app.jinja_env.globals["waiting_alerts"] = waiting_alerts


def waiting_alerts() -> WaitingCount | None:
    """How many alerts wait for somebody; None for who sees none, or must do something else first.

    None also means that the page does not ask for new ones.
    """
    current_staff = auth.current()
    if current_staff.required_action is not None:
        return None
    return alerts.waiting.waiting_count(current_staff.member)


def visible_navigation() -> list[tuple[str, list[NavigationEntry]]]:
    """The navigation of the signed-in person: (heading, links) of the pages they may open."""
    member = auth.member()
    sections = []
    for heading, entries in NAVIGATION:
        visible = [
            entry
            for entry in entries
            if not entry.permissions or any(member.scope(each) for each in entry.permissions)
        ]
        if visible:
            sections.append((heading, visible))
    return sections
