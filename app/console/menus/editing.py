"""The menu editor: buttons in a form, a phone beside it, and the rules that will answer."""

from dataclasses import dataclass, field

from flask import render_template, request
from werkzeug.wrappers import Response
from wtforms import IntegerField, StringField
from wtforms.validators import Length

from app import live
from app.auth import member, needs
from app.console import forms
from app.console.drawing import away, done
from app.console.menus import shaping
from app.console.menus.blueprint import Head, blueprint, head
from config import clock
from config.tenancy import Right
from keywords.rules import Keyword, Kind, Mode, Occasion, Rule
from matrix import menus
from matrix.menus import Difference, Menu
from matrix.wechat.gateway import ButtonKind

Answer = str | Response | tuple[str, int]

MOST_WORDS = 20
_TYPED = (Mode.EQUAL, Mode.CONTAINS, Mode.PREFIX)


class MenuForm(forms.Form):
    """What goes with the buttons: a note, and the version that was opened."""

    note = StringField("这次改了什么", [Length(max=100)], filters=[forms.trimmed])
    seen = IntegerField("版本", default=0)


@dataclass(frozen=True)
class Hint:
    """What a tap is answered with, in words; empty for kinds that nobody answers."""

    words: str = ""
    is_missing: bool = False


@dataclass(frozen=True)
class Editor:
    """The buttons in a form, what is wrong with them, and which rule answers each."""

    account_id: int
    rows: shaping.Rows
    problems: dict[str, str] = field(default_factory=dict)

    def answering(self, row: dict[str, str]) -> Hint:
        """What will answer a button, for the line below its key."""
        return answering(self.account_id, row)


@blueprint.route("/<int:account_id>", methods=["GET", "POST"])
@needs(Right.MENUS_WRITE)
def edit(account_id: int) -> Answer:
    """Edit the newest version, or begin with an older one (?from=)."""
    top, form = head(account_id, Right.MENUS_WRITE), MenuForm()
    if not form.is_submitted():
        return _opened(top, form)
    editor, act = handed_in(account_id)
    if ":" in act or act == "add":
        return partial(editor)
    differences: tuple[Difference, ...] = ()
    if form.validate() and not editor.problems and act in ("push", "save"):
        with forms.blaming(form, "note"):
            try:
                menu = _saved(top, form, editor)
            except menus.MenuChanged:
                newest = menus.newest(account_id)
                assert newest is not None  # somebody was first
                differences = menus.compare(menus.read(editor.rows), menus.read(newest.buttons))
                form.seen.data, form.seen.raw_data = newest.version, [str(newest.version)]
                return _page(top, form, editor, newest=newest, differences=differences), 422
            if act == "push":
                menus.push(member(), menu.id)
                return away("menus.show", menu_id=menu.id)
            done("已保存为草稿，推送之前市民看到的菜单不变。")
            return away("menus.show", menu_id=menu.id)
    return _page(top, form, editor), 422


def _opened(top: Head, form: MenuForm) -> str:
    newest = menus.newest(top.id)
    chosen = newest
    if wished := request.args.get("from", type=int):
        chosen = menus.access_menu(member(), wished, Right.MENUS_WRITE)
    form.seen.data = newest.version if newest else 0
    rows = shaping.reshaped([], "add") if chosen is None else chosen.buttons
    return _page(top, form, Editor(top.id, rows), chosen=chosen)


def _saved(top: Head, form: MenuForm, editor: Editor) -> Menu:
    return menus.save(
        member(),
        top.id,
        menus.parse(editor.rows),
        seen=form.seen.data or 0,
        note=form.note.data or "",
        now=clock.now(),
    )


def _page(
    top: Head,
    form: MenuForm,
    editor: Editor,
    *,
    chosen: Menu | None = None,
    newest: Menu | None = None,
    differences: tuple[Difference, ...] = (),
) -> str:
    return render_template(
        "console/menus/edit.html",
        head=top,
        form=form,
        editor=editor,
        chosen=chosen,
        newest=newest,
        differences=differences,
        **tools(),
    )


def tools() -> dict[str, object]:
    """What the template of the editor needs besides the rows."""
    return {
        "kinds": shaping.KINDS,
        "other_kinds": shaping.OTHER_KINDS,
        "most_top": menus.MOST_TOP,
        "most_sub": menus.MOST_SUB,
        "place_words": shaping.place_words,
        "kind_words": shaping.WORDS,
    }


def handed_in(account_id: int) -> tuple[Editor, str]:
    """The editor that was handed in, after its small button, and what was pressed."""
    rows, act = shaping.rows_of(request.form), request.form.get("act", "")
    if ":" in act or act == "add":
        return Editor(account_id, shaping.reshaped(rows, act)), act
    return Editor(account_id, rows, shaping.said_at(menus.faults(rows))), act


def partial(editor: Editor) -> str:
    """The buttons alone, after a small button."""
    return render_template("console/menus/_editor.html", editor=editor, **tools())


@blueprint.get("/<int:account_id>/words")
@needs(Right.MENUS_WRITE)
def words(account_id: int) -> str:
    """What could be typed into a key, and which rule answers what stands there."""
    top = head(account_id, Right.MENUS_WRITE)
    at = request.args.get("at", "")
    row = {part: request.args.get(f"{part}-{at}", "").strip() for part in ("kind", "value")}
    is_ask = row["kind"] == ButtonKind.ASK.value
    return render_template(
        "console/menus/_words.html",
        at=at if at.replace("-", "").isdecimal() else "",
        listed=_near(top.id, row["value"]) if is_ask else [],
        hint=answering(top.id, row),
    )


def answering(account_id: int, row: dict[str, str]) -> Hint:
    """Which rule answers a tap on this button."""
    value = row.get("value", "")
    if row.get("kind") != ButtonKind.ASK.value or not value:
        return Hint()
    rule = _answer(account_id, value)
    if rule is None:
        return Hint("还没有规则会答复它，市民点了得不到回应", is_missing=True)
    return Hint(f"由规则“{rule.name}”答复")


def _answer(account_id: int, value: str) -> Rule | None:
    """The rule that answers a tap: by the key, else as if the citizen had typed it."""
    book, now = live.current().book, clock.now()
    clicked = book.match(account_id, Occasion(value, Kind.CLICK), now=now)
    return clicked or book.match(account_id, Occasion(value), now=now)


def _near(account_id: int, typed: str) -> list[tuple[str, str]]:
    """(what to write, the rule's name) of rules that have to do with what was typed."""
    found: list[tuple[str, str]] = []
    for rule in live.current().book.rules_of(account_id):
        word = _word(rule.keywords, typed, everything=typed in rule.name)
        if word is not None:
            found.append((word, rule.name))
            if len(found) == MOST_WORDS:
                break
    return found


def _word(keywords: tuple[Keyword, ...], typed: str, *, everything: bool) -> str | None:
    """The first keyword that can be written as it stands and has to do with what was typed."""
    for keyword in keywords:
        can_be_written = keyword.kind is not Kind.SCAN and keyword.mode in _TYPED
        if can_be_written and (everything or typed in keyword.text):
            return keyword.text
    return None
