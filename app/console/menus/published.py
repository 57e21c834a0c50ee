"""What WeChat shows: the menu now, conditional menus, and the menu that one follower sees."""

from flask import render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # its types are a version behind

from app.console import forms
from app.console.menus import form_rows
from app.console.menus.blueprint import account_header, blueprint
from app.console.menus.editor import Editor, editor_context, read_submitted, render_buttons
from app.console.responses import ViewResult, flash_success, redirect_to
from app.web.auth import member, requires
from config import clock
from config.permissions import Permission
from matrix import menus
from matrix.menus import conditional, remote_state
from matrix.menus.remote_state import RemoteMenu
from matrix.wechat.gateway import Audience

STATE_LABELS: dict[conditional.ConditionalMenuState, tuple[str, str]] = {
    conditional.ConditionalMenuState.WAITING: ("添加中", "blue"),
    conditional.ConditionalMenuState.PUBLISHED: ("已生效", "green"),
    conditional.ConditionalMenuState.FAILED: ("添加失败", "red"),
    conditional.ConditionalMenuState.DELETING: ("删除中", "blue"),
    conditional.ConditionalMenuState.DELETED: ("已删除", "secondary"),
}


class AudienceForm(forms.Form):
    """The followers that a conditional menu is for."""

    name = StringField("名称", filters=[forms.strip])
    tag = SelectField("有这个标签的粉丝", choices=[])
    platform = SelectField("使用的手机", choices=[])

    def set_choices(self, remote_menu: RemoteMenu | None) -> None:
        """Offer the account's tags, as they were last read from WeChat, and the platforms."""
        anybody = SelectChoice("", "不限")
        tags = [
            SelectChoice(str(tag["id"]), f"{tag['name']}（{tag['count']} 人）")
            for tag in _tags(remote_menu)
        ]
        platforms = [SelectChoice(str(key), label) for key, label in conditional.PLATFORMS.items()]
        self.tag.choices, self.platform.choices = [anybody, *tags], [anybody, *platforms]

    @property
    def audience(self) -> Audience:
        """The chosen followers."""
        return Audience(
            tag_id=_int_or_none(self.tag.data), platform=_int_or_none(self.platform.data)
        )


class PreviewForm(forms.Form):
    """The follower whose menu is asked for."""

    person = StringField("微信号或 openid", filters=[forms.strip])


def _tags(remote_menu: RemoteMenu | None) -> list[dict[str, object]]:
    return [] if remote_menu is None else remote_menu.tags


def _int_or_none(text: str | None) -> int | None:
    return int(text) if text else None


@blueprint.get("/<int:account_id>/now")
@requires(Permission.ACCOUNTS_READ)
def published(account_id: int) -> str:
    """The menu that WeChat showed when it was last read, and how it differs from ours."""
    remote_menu, desired = (
        remote_state.find_for_staff(member(), account_id),
        menus.find_target(account_id),
    )
    newest = menus.find_newest(account_id)
    desired_buttons = menus.from_rows(desired.buttons) if desired else ()
    shown_buttons = menus.from_rows(remote_menu.buttons) if remote_menu else ()
    # htmx polls this address while WeChat is being asked, and needs the part only
    template = "_published.html" if "HX-Request" in request.headers else "published.html"
    return render_template(
        f"console/menus/{template}",
        header=account_header(account_id),
        remote_menu=remote_menu,
        desired=desired,
        is_newest=desired is not None and newest is not None and newest.id == desired.id,
        differences=menus.diff(desired_buttons, shown_buttons)
        if remote_menu and remote_menu.seen_at
        else (),
        position_text=form_rows.position_text,
        kind_labels=form_rows.KIND_LABELS,
    )


@blueprint.post("/<int:account_id>/look")
@requires(Permission.MENUS_WRITE)
def refresh(account_id: int) -> Response:
    """Ask WeChat, by a job, what it shows now."""
    remote_state.request_refresh(member(), account_id, now=clock.now())
    if request.form.get("then") == "conditional":
        return redirect_to("menus.conditionals", account_id=account_id)
    return redirect_to("menus.published", account_id=account_id)


@blueprint.get("/<int:account_id>/conditional")
@requires(Permission.ACCOUNTS_READ)
def conditionals(account_id: int) -> str:
    """The conditional menus; only the list when htmx polls."""
    return _render_conditionals(account_id, PreviewForm())


def _render_conditionals(account_id: int, form: PreviewForm) -> str:
    listed = conditional.list_for_staff(member(), account_id)
    template = "_conditionals.html" if "HX-Request" in request.headers else "conditionals.html"
    return render_template(
        f"console/menus/{template}",
        header=account_header(account_id),
        conditionals=listed,
        remote_menu=remote_state.find_for_staff(member(), account_id),
        form=form,
        state_labels=STATE_LABELS,
        pending_states=(
            conditional.ConditionalMenuState.WAITING,
            conditional.ConditionalMenuState.DELETING,
        ),
    )


@blueprint.route("/<int:account_id>/conditional/new", methods=["GET", "POST"])
@requires(Permission.MENUS_WRITE)
def new_conditional(account_id: int) -> ViewResult:
    """Create a conditional menu."""
    header, form = account_header(account_id, Permission.MENUS_WRITE), AudienceForm()
    remote_menu = remote_state.find_for_staff(member(), account_id)
    form.set_choices(remote_menu)
    editor = Editor(account_id, _initial_rows(account_id))
    if form.is_submitted():
        editor, action = read_submitted(account_id)
        if ":" in action or action == "add":
            return render_buttons(editor)
        if form.validate() and not editor.problems:
            with forms.errors_on(form, "name"):
                spec = conditional.ConditionalMenuSpec(
                    name=form.name.data or "",
                    audience=form.audience,
                    buttons=menus.parse(editor.rows),
                )
                conditional.create(member(), account_id, spec, now=clock.now())
                flash_success("正在添加个性化菜单。")
                return redirect_to("menus.conditionals", account_id=account_id)
    page = render_template(
        "console/menus/conditional_new.html",
        header=header,
        form=form,
        editor=editor,
        has_tags=bool(_tags(remote_menu)),
        **editor_context(),
    )
    return (page, 422) if form.is_submitted() else page


def _initial_rows(account_id: int) -> form_rows.Rows:
    """What a new conditional menu starts from: the menu for all followers."""
    desired = menus.find_target(account_id)
    return form_rows.apply_action([], "add") if desired is None else desired.buttons


@blueprint.post("/conditional/<int:menu_id>/remove")
@requires(Permission.MENUS_WRITE)
def delete_conditional(menu_id: int) -> Response:
    """Delete a conditional menu."""
    # for its name in the message; `delete` checks access again itself
    menu = conditional.access_conditional(member(), menu_id, Permission.MENUS_WRITE)
    conditional.delete(member(), menu_id)
    flash_success(f"正在删除“{menu.name}”。")
    return redirect_to("menus.conditionals", account_id=menu.account_id)


@blueprint.post("/<int:account_id>/try")
@requires(Permission.MENUS_WRITE)
def request_preview(account_id: int) -> ViewResult:
    """Ask WeChat, by a job, which menu one follower sees."""
    form = PreviewForm()
    if form.validate_on_submit():
        with forms.errors_on(form, "person"):
            remote_menu = remote_state.request_preview(
                member(), account_id, form.person.data or "", now=clock.now()
            )
            return redirect_to(
                "menus.preview", account_id=account_id, remote_menu_id=remote_menu.id
            )
    return _render_conditionals(account_id, form), 422


@blueprint.get("/<int:account_id>/try/<int:remote_menu_id>")
@requires(Permission.MENUS_WRITE)
def preview(account_id: int, remote_menu_id: int) -> ViewResult:
    """The menu that one follower sees."""
    header = account_header(account_id, Permission.MENUS_WRITE)
    remote_menu = remote_state.find(remote_menu_id)
    # the id is in the address: a preview of another account must not show through this one
    if remote_menu is None or remote_menu.account_id != account_id or not remote_menu.person:
        return redirect_to("menus.conditionals", account_id=account_id)
    template = "_preview.html" if "HX-Request" in request.headers else "preview.html"
    poll_url = url_for("menus.preview", account_id=account_id, remote_menu_id=remote_menu_id)
    return render_template(
        f"console/menus/{template}", header=header, remote_menu=remote_menu, poll_url=poll_url
    )
