"""What citizens asked and no rule answered surely: one click makes a rule of it, or none."""

from typing import Any

from flask import Response, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse
from wtforms import SelectField, StringField

from app import auth, explaining, live
from app.auth import needs
from app.console import forms
from app.console.drawing import away, done
from app.console.forms import trimmed
from app.console.studio.blueprint import blueprint
from config import clock
from config.errors import NotFound
from config.tenancy import Right
from keywords import likeness, listing, stored
from keywords import unmatched as room
from keywords.listing import Filters
from keywords.stored import StoredRule
from keywords.unmatched import Cluster, Reason, State, Wanted

REASONS = {
    Reason.FALLBACK: ("没有答上", "red"),
    Reason.SUGGESTION: ("只给了建议", "yellow"),
    Reason.SOUND: ("靠读音猜的", "blue"),
}
_STATES = {State.OPEN: "待处理", State.DONE: "已处理", State.IGNORED: "已忽略"}
_ORDERS = {"count": "问得最多的", "newest": "最近问的"}
_PAGE = 30
_LONGEST_SEARCH = 60
_NEAREST = 5


class WantedForm(forms.Form):
    """Which questions are shown; it is read from the address."""

    class Meta(forms.Form.Meta):
        """A filter changes nothing and needs no token."""

        csrf = False

    state = SelectField("状态", choices={state.value: label for state, label in _STATES.items()})
    account = SelectField("账号")
    order = SelectField("先看", choices=_ORDERS)
    q = StringField("查找", filters=[trimmed])


@blueprint.get("/unmatched")
@needs(Right.RULES_READ)
def unmatched() -> str:
    """The questions of the member's accounts, alike ones as one."""
    member, form = auth.member(), WantedForm(request.args)
    accounts = explaining.within(member.area(Right.RULES_READ), live.current())
    form.account.choices = {"": "全部账号"} | {str(each.id): each.name for each in accounts}
    _settle(form)
    wanted = _wanted(form)
    rows = room.clusters_for_staff(member, wanted, after=_after(), at_most=_PAGE + 1)
    shown = rows[:_PAGE]
    following = _address(form, after=shown[-1].id) if len(rows) > _PAGE else ""
    return render_template(
        "console/studio/unmatched.html",
        form=form,
        rows=shown,
        wanted=wanted,
        following=following,
        waiting=sum(room.open_counts(member).values()),
        **_words(),
    )


@blueprint.post("/unmatched/<int:cluster_id>/ignore")
@needs(Right.RULES_WRITE)
def ignore(cluster_id: int) -> AnyResponse | str:
    """Say that a question needs no rule."""
    cluster = _mine(cluster_id)
    row = room.close(cluster.id, State.IGNORED, by=auth.member(), now=clock.now())
    return _answered(row, "已忽略。")


@blueprint.post("/unmatched/<int:cluster_id>/reopen")
@needs(Right.RULES_WRITE)
def reopen(cluster_id: int) -> AnyResponse | str:
    """Take that back."""
    return _answered(room.reopen(_mine(cluster_id).id), "已放回待处理。")


@blueprint.post("/unmatched/<int:cluster_id>/rule")
@needs(Right.RULES_WRITE)
def make_rule(cluster_id: int) -> AnyResponse:
    """Begin a new rule with what citizens asked."""
    cluster = _mine(cluster_id)
    room.close(cluster.id, State.DONE, by=auth.member(), now=clock.now())
    done("这一组已记为处理过。规则没有保存的话，可以在“没有答上的 · 已处理”里放回。")
    return away(
        "rules.new",
        keyword=likeness.subject(cluster.text),
        sample=cluster.title,
        account=_single(cluster),
        department=_department_of(cluster),
    )


@blueprint.post("/unmatched/<int:cluster_id>/rules/<int:rule_id>")
@needs(Right.RULES_WRITE)
def add_to_rule(cluster_id: int, rule_id: int) -> AnyResponse:
    """Take what citizens asked into a rule that is there."""
    cluster = _mine(cluster_id)
    rule = stored.access_rule(auth.member(), rule_id, Right.RULES_WRITE)
    room.close(cluster.id, State.DONE, by=auth.member(), now=clock.now(), rule_code=rule.code)
    done(f"这一组已记为由“{rule.name}”处理。关键词加好后请保存并发布。")
    return away("rules.edit", rule_id=rule.id, add_keyword=likeness.subject(cluster.text))


@blueprint.get("/unmatched/<int:cluster_id>/choices")
@needs(Right.RULES_WRITE)
def choices(cluster_id: int) -> str:
    """Rules that a question may belong to: those like it, or those that were searched for."""
    cluster, asked = _mine(cluster_id), request.args.get("q", "").strip()[:_LONGEST_SEARCH]
    found = _searched(asked) if asked else _nearest(cluster)
    return render_template(
        "console/studio/_choices.html", cluster=cluster, rules=found, asked=asked
    )


def _mine(cluster_id: int) -> Cluster:
    return room.access_cluster(auth.member(), cluster_id, Right.RULES_WRITE)


def _settle(form: WantedForm) -> None:
    """An address that somebody made up asks for the first of the choices."""
    for field in (form.state, form.account, form.order):
        known = list(field.choices or ())
        if field.data not in known:
            field.data = known[0]
    form.q.data = (form.q.data or "")[:_LONGEST_SEARCH]


def _wanted(form: WantedForm) -> Wanted:
    return Wanted(
        state=State(form.state.data),
        account_id=int(form.account.data) if form.account.data else None,
        search=form.q.data or "",
        newest_first=form.order.data == "newest",
    )


def _after() -> Cluster | None:
    """The last question of the page before; None where it is gone."""
    key = request.args.get("after", type=int)
    if key is None:
        return None
    try:
        return room.access_cluster(auth.member(), key, Right.RULES_READ)
    except NotFound:
        return None


def _address(form: WantedForm, **more: Any) -> str:
    kept = {field.name: field.data for field in form if field.data}
    return url_for("studio.unmatched", **kept, **more)


def _words() -> dict[str, Any]:
    accounts = {account.id: account.name for account in live.current().accounts.values()}
    return {"reasons": REASONS, "names": accounts}


def _answered(row: Cluster, text: str) -> AnyResponse | str:
    """The row as it is now, or the list again."""
    if "HX-Request" in request.headers:
        return Response(render_template("console/studio/_heap.html", row=row, **_words()))
    done(text)
    return away("studio.unmatched")


def _single(cluster: Cluster) -> int | None:
    """The account, for whoever may write only for it and not for its department."""
    is_wider = auth.member().may(Right.RULES_WRITE, department_id=_department_of(cluster))
    return None if is_wider else cluster.account_id


def _department_of(cluster: Cluster) -> int | None:
    accounts = live.current().accounts.values()
    return next((each.department_id for each in accounts if each.id == cluster.account_id), None)


def _nearest(cluster: Cluster) -> list[StoredRule]:
    book = live.current().book
    near = book.suggest(cluster.account_id, cluster.text, now=clock.now())
    return _writable(stored.find([rule.id for rule in near]))


def _searched(asked: str) -> list[StoredRule]:
    listed = listing.for_staff(auth.member(), Filters(text=asked), limit=4 * _NEAREST)
    return _writable([each.rule for each in listed])


def _writable(rows: list[StoredRule]) -> list[StoredRule]:
    member = auth.member()
    return [
        row
        for row in rows
        if member.may(Right.RULES_WRITE, department_id=row.department_id, account_id=row.account_id)
    ][:_NEAREST]
