"""The menu editor: buttons as form fields, a preview, and the rule that will answer each button."""

from dataclasses import dataclass, field

from flask import render_template, request
from wtforms import IntegerField, StringField
from wtforms.validators import Length

from app import snapshots
from app.console import forms
from app.console.menus import form_rows
from app.console.menus.blueprint import AccountHeader, account_header, blueprint
from app.console.responses import ViewResult, flash_success, redirect_to
from app.web.auth import member, requires
from config import clock
from config.errors import Stale
from config.permissions import Permission
from keywords.rules.values import InputKind, Keyword, MatchInput, MatchMode, Rule
from matrix import menus
from matrix.menus import Difference, Menu
from matrix.wechat.gateway import ButtonKind

MAX_SUGGESTIONS = 20
# a pattern or a group of words is no text that a citizen could send, so no button can send it
_TYPEABLE_MODES = (MatchMode.EQUAL, MatchMode.CONTAINS, MatchMode.PREFIX)


class MenuForm(forms.Form):
    """What is saved with the buttons: a note; `seen` is the version that was opened."""

    note = StringField("这次改了什么", [Length(max=100)], filters=[forms.strip])
    seen = IntegerField("版本", default=0)


@dataclass(frozen=True)
class AnswerHint:
    """Which rule answers a tap, as text; empty for kinds of buttons that no rule answers."""

    text: str = ""
    is_missing: bool = False


@dataclass(frozen=True)
class Editor:
    """The buttons of a form, their problems by field, and the rule that answers each."""

    account_id: int
    rows: form_rows.Rows
    problems: dict[str, str] = field(default_factory=dict)

    def answer_hint(self, row: dict[str, str]) -> AnswerHint:
        """The hint below the value of a button."""
        return answer_hint(self.account_id, row)


@blueprint.route("/<int:account_id>", methods=["GET", "POST"])
@requires(Permission.MENUS_WRITE)
def edit(account_id: int) -> ViewResult:
    """Edit the newest version, or start from an older one (`?from=` its id)."""
    header, form = account_header(account_id, Permission.MENUS_WRITE), MenuForm()
    if not form.is_submitted():
        return _render_opened(header, form)
    editor, action = read_submitted(account_id)
    # small buttons save nothing, so they need no complete menu and meet no conflict
    if ":" in action or action == "add":
        return render_buttons(editor)
    differences: tuple[Difference, ...] = ()
    if form.validate() and not editor.problems and action in ("push", "save"):
        with forms.errors_on(form, "note"):
            try:
                menu = _save(header, form, editor)
            except Stale as error:
                newest: Menu = error.newest
                differences = menus.diff(
                    menus.from_rows(editor.rows), menus.from_rows(newest.buttons)
                )
                # the same form submitted again overwrites, now that the differences were shown
                form.seen.data, form.seen.raw_data = newest.version, [str(newest.version)]
                return _render(header, form, editor, newest=newest, differences=differences), 422
            if action == "push":
                menus.push(member(), menu.id)
                return redirect_to("menus.show", menu_id=menu.id)
            flash_success("已保存为草稿，推送之前市民看到的菜单不变。")
            return redirect_to("menus.show", menu_id=menu.id)
    return _render(header, form, editor), 422


def _render_opened(header: AccountHeader, form: MenuForm) -> str:
    newest = menus.find_newest(header.id)
    base_version = newest
    if requested_id := request.args.get("from", type=int):
        # the id comes from the address and may be that of another account's menu, which is a 404
        base_version = menus.access_menu(member(), requested_id, Permission.MENUS_WRITE)
    # the newest version also when an older one is opened: saving it
    # again must notice who was faster
    form.seen.data = newest.version if newest else 0
    rows = form_rows.apply_action([], "add") if base_version is None else base_version.buttons
    return _render(header, form, Editor(header.id, rows), base_version=base_version)


def _save(header: AccountHeader, form: MenuForm, editor: Editor) -> Menu:
    return menus.save_draft(
        member(),
        header.id,
        menus.parse(editor.rows),
        base_version=form.seen.data or 0,
        note=form.note.data or "",
        now=clock.now(),
    )


def _render(
    header: AccountHeader,
    form: MenuForm,
    editor: Editor,
    *,
    base_version: Menu | None = None,
    newest: Menu | None = None,
    differences: tuple[Difference, ...] = (),
) -> str:
    return render_template(
        "console/menus/edit.html",
        header=header,
        form=form,
        editor=editor,
        base_version=base_version,
        newest=newest,
        differences=differences,
        **editor_context(),
    )


def editor_context() -> dict[str, object]:
    """The template variables of the editor, apart from `editor` itself."""
    return {
        "offered_kinds": form_rows.OFFERED_KINDS,
        "other_kinds": form_rows.OTHER_KINDS,
        "max_top": menus.MAX_TOP,
        "max_sub": menus.MAX_SUB,
        "position_text": form_rows.position_text,
        "kind_labels": form_rows.KIND_LABELS,
    }


def read_submitted(account_id: int) -> tuple[Editor, str]:
    """The submitted editor and the pressed button (`act`).

    A small button (add, remove, up, down) is applied to the rows already; their problems are found
    only for the others, since a menu that is being rearranged is not finished.
    """
    rows, action = form_rows.rows_from_form(request.form), request.form.get("act", "")
    if ":" in action or action == "add":
        return Editor(account_id, form_rows.apply_action(rows, action)), action
    return Editor(account_id, rows, form_rows.problems_by_field(menus.iter_problems(rows))), action


def render_buttons(editor: Editor) -> str:
    """The buttons as part of a page, after a small button."""
    return render_template("console/menus/_editor.html", editor=editor, **editor_context())


@blueprint.get("/<int:account_id>/words")
@requires(Permission.MENUS_WRITE)
def keyword_suggestions(account_id: int) -> str:
    """Keywords to suggest for a button's value, and the rule that answers what is typed."""
    header = account_header(account_id, Permission.MENUS_WRITE)
    position = request.args.get("at", "")
    row = {
        name_part: request.args.get(f"{name_part}-{position}", "").strip()
        for name_part in ("kind", "value")
    }
    is_ask = row["kind"] == ButtonKind.ASK.value
    return render_template(
        "console/menus/_keyword_suggestions.html",
        # it becomes part of ids in the page: nothing but digits and hyphens gets there
        position=position if position.replace("-", "").isdecimal() else "",
        suggestions=_suggestions(header.id, row["value"]) if is_ask else [],
        hint=answer_hint(header.id, row),
    )


def answer_hint(account_id: int, row: dict[str, str]) -> AnswerHint:
    """Which rule answers a tap on this button."""
    value = row.get("value", "")
    if row.get("kind") != ButtonKind.ASK.value or not value:
        return AnswerHint()
    rule = _answering_rule(account_id, value)
    if rule is None:
        return AnswerHint("还没有规则会答复它，市民点了得不到回应", is_missing=True)
    return AnswerHint(f"由规则“{rule.name}”答复")


def _answering_rule(account_id: int, value: str) -> Rule | None:
    """The rule for a click on this value, else the one for a message with this text."""
    ruleset, now = snapshots.current().ruleset, clock.now()
    # in the callback's order: a rule for the click itself, else one for the text
    click_rule = ruleset.match(account_id, MatchInput(value, InputKind.CLICK), now=now)
    return click_rule or ruleset.match(account_id, MatchInput(value), now=now)


def _suggestions(account_id: int, typed_text: str) -> list[tuple[str, str]]:
    """(keyword, name of its rule) of at most MAX_SUGGESTIONS rules that contain what was typed."""
    suggestions: list[tuple[str, str]] = []
    # from memory: this is asked at every few keys that somebody types
    for rule in snapshots.current().ruleset.rules_of(account_id):
        keyword_text = _suggested_keyword(
            rule.keywords, typed_text, any_keyword=typed_text in rule.name
        )
        if keyword_text is not None:
            suggestions.append((keyword_text, rule.name))
            if len(suggestions) == MAX_SUGGESTIONS:
                break
    return suggestions


def _suggested_keyword(
    keywords: tuple[Keyword, ...], typed_text: str, *, any_keyword: bool
) -> str | None:
    """The first keyword that a citizen can type as it is and that contains what was typed.

    `any_keyword` takes the first one that can be typed: the rule's name matched already.
    """
    for keyword in keywords:
        is_typeable = keyword.kind is not InputKind.SCAN and keyword.mode in _TYPEABLE_MODES
        if is_typeable and (any_keyword or typed_text in keyword.text):
            return keyword.text
    return None
