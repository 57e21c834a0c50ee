"""What WeChat shows: to everybody at this moment, to some, and to one person on trial."""

from flask import render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # its types are a version behind

from app.auth import member, needs
from app.console import forms
from app.console.drawing import away, done
from app.console.menus import shaping
from app.console.menus.blueprint import blueprint, head
from app.console.menus.editing import Editor, handed_in, partial, tools
from config import clock
from config.tenancy import Right
from matrix import menus
from matrix.menus import conditional, sights
from matrix.menus.sights import Sight
from matrix.wechat.gateway import Audience

Answer = str | Response | tuple[str, int]

STATES: dict[conditional.State, tuple[str, str]] = {
    conditional.State.WAITING: ("添加中", "blue"),
    conditional.State.SHOWN: ("已生效", "green"),
    conditional.State.FAILED: ("添加失败", "red"),
    conditional.State.LEAVING: ("删除中", "blue"),
    conditional.State.GONE: ("已删除", "secondary"),
}


class AudienceForm(forms.Form):
    """Whom a conditional menu is for."""

    name = StringField("名称", filters=[forms.trimmed])
    tag = SelectField("有这个标签的粉丝", choices=[])
    platform = SelectField("使用的手机", choices=[])

    def offer(self, sight: Sight | None) -> None:
        """Fill in what can be chosen."""
        anybody = SelectChoice("", "不限")
        tags = [
            SelectChoice(str(tag["id"]), f"{tag['name']}（{tag['count']} 人）")
            for tag in _tags(sight)
        ]
        phones = [SelectChoice(str(key), words) for key, words in conditional.PLATFORMS.items()]
        self.tag.choices, self.platform.choices = [anybody, *tags], [anybody, *phones]

    @property
    def audience(self) -> Audience:
        """Whom was chosen."""
        return Audience(tag_id=_number(self.tag.data), platform=_number(self.platform.data))


class PersonForm(forms.Form):
    """Whose menu is tried."""

    person = StringField("微信号或 openid", filters=[forms.trimmed])


def _tags(sight: Sight | None) -> list[dict[str, object]]:
    return [] if sight is None else sight.tags


def _number(text: str | None) -> int | None:
    return int(text) if text else None


@blueprint.get("/<int:account_id>/now")
@needs(Right.ACCOUNTS_READ)
def now_shown(account_id: int) -> str:
    """What followers see, beside what they should see."""
    sight, wanted = sights.sight_for_staff(member(), account_id), menus.wanted(account_id)
    newest = menus.newest(account_id)
    ours = menus.read(wanted.buttons) if wanted else ()
    shown = menus.read(sight.buttons) if sight else ()
    template = "_now.html" if "HX-Request" in request.headers else "now.html"
    return render_template(
        f"console/menus/{template}",
        head=head(account_id),
        sight=sight,
        wanted=wanted,
        is_newest=wanted is not None and newest is not None and newest.id == wanted.id,
        differences=menus.compare(ours, shown) if sight and sight.seen_at else (),
        place_words=shaping.place_words,
        kind_words=shaping.WORDS,
    )


@blueprint.post("/<int:account_id>/look")
@needs(Right.MENUS_WRITE)
def look(account_id: int) -> Response:
    """Ask WeChat what it shows."""
    sights.look(member(), account_id, now=clock.now())
    if request.form.get("then") == "conditional":
        return away("menus.conditionals", account_id=account_id)
    return away("menus.now_shown", account_id=account_id)


@blueprint.get("/<int:account_id>/conditional")
@needs(Right.ACCOUNTS_READ)
def conditionals(account_id: int) -> str:
    """Menus for some followers; the list alone for who asks again."""
    return _conditionals(account_id, PersonForm())


def _conditionals(account_id: int, form: PersonForm) -> str:
    listed = conditional.conditionals_for_staff(member(), account_id)
    template = "_conditionals.html" if "HX-Request" in request.headers else "conditionals.html"
    return render_template(
        f"console/menus/{template}",
        head=head(account_id),
        listed=listed,
        sight=sights.sight_for_staff(member(), account_id),
        form=form,
        states=STATES,
        wait_states=(conditional.State.WAITING, conditional.State.LEAVING),
    )


@blueprint.route("/<int:account_id>/conditional/new", methods=["GET", "POST"])
@needs(Right.MENUS_WRITE)
def add_conditional(account_id: int) -> Answer:
    """Make a menu for some followers."""
    top, form = head(account_id, Right.MENUS_WRITE), AudienceForm()
    sight = sights.sight_for_staff(member(), account_id)
    form.offer(sight)
    editor = Editor(account_id, _first_rows(account_id))
    if form.is_submitted():
        editor, act = handed_in(account_id)
        if ":" in act or act == "add":
            return partial(editor)
        if form.validate() and not editor.problems:
            with forms.blaming(form, "name"):
                wish = conditional.Wish(
                    form.name.data or "", form.audience, menus.parse(editor.rows)
                )
                conditional.add(member(), account_id, wish, now=clock.now())
                done("正在添加个性化菜单。")
                return away("menus.conditionals", account_id=account_id)
    page = render_template(
        "console/menus/conditional_new.html",
        head=top,
        form=form,
        editor=editor,
        has_tags=bool(_tags(sight)),
        **tools(),
    )
    return (page, 422) if form.is_submitted() else page


def _first_rows(account_id: int) -> shaping.Rows:
    """What a new conditional menu begins with: what everybody sees."""
    wanted = menus.wanted(account_id)
    return shaping.reshaped([], "add") if wanted is None else wanted.buttons


@blueprint.post("/conditional/<int:menu_id>/remove")
@needs(Right.MENUS_WRITE)
def remove_conditional(menu_id: int) -> Response:
    """Take a menu for some followers away."""
    menu = conditional.access_conditional(member(), menu_id, Right.MENUS_WRITE)
    conditional.remove(member(), menu_id)
    done(f"正在删除“{menu.name}”。")
    return away("menus.conditionals", account_id=menu.account_id)


@blueprint.post("/<int:account_id>/try")
@needs(Right.MENUS_WRITE)
def try_on(account_id: int) -> Answer:
    """Ask WeChat what one person sees."""
    form = PersonForm()
    if form.validate_on_submit():
        with forms.blaming(form, "person"):
            sight = sights.try_on(member(), account_id, form.person.data or "", now=clock.now())
            return away("menus.trial", account_id=account_id, sight_id=sight.id)
    return _conditionals(account_id, form), 422


@blueprint.get("/<int:account_id>/try/<int:sight_id>")
@needs(Right.MENUS_WRITE)
def trial(account_id: int, sight_id: int) -> Answer:
    """What one person sees."""
    top = head(account_id, Right.MENUS_WRITE)
    sight = sights.get(sight_id)
    if sight is None or sight.account_id != account_id or not sight.person:
        return away("menus.conditionals", account_id=account_id)
    template = "_trial.html" if "HX-Request" in request.headers else "trial.html"
    again = url_for("menus.trial", account_id=account_id, sight_id=sight_id)
    return render_template(f"console/menus/{template}", head=top, sight=sight, again=again)
