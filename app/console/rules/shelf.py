"""The shelf: all rules of a member's area, and the effective set of one account."""

from collections import Counter
from typing import Any

from flask import render_template, request, url_for
from wtforms import BooleanField, SelectField, StringField

from app import auth, live
from app.auth import needs
from app.console import forms
from app.console.forms import trimmed
from app.console.rules import words
from app.console.rules.blueprint import blueprint
from app.console.rules.words import Owner
from app.live import Live
from config import clock
from config.errors import NotFound
from config.tenancy import Right
from keywords import listing, placement
from keywords.differences import keyword_text
from keywords.listing import PAGE, Filters, Standing
from keywords.normalize import fold
from keywords.placement import Placed
from keywords.rules import Scope

_EFFECTIVE_PAGE = 100


class FilterForm(forms.Form):
    """What the list is asked for; it comes with the address."""

    class Meta(forms.Form.Meta):
        """A filter changes nothing, so it needs no token."""

        csrf = False

    q = StringField("搜索", filters=[trimmed])
    owner = SelectField("归属", validate_choice=False, default="")
    state = SelectField(
        "状态",
        choices={"": "全部"} | {key.value: said for key, said in words.STANDINGS.items()},
        default="",
    )
    scope = SelectField(
        "范围",
        choices={"": "全部"} | {key.value: said for key, said in words.SCOPE_NAMES.items()},
        default="",
    )
    unheard = BooleanField("从没答复过")
    due = BooleanField("过了复核日期")


@blueprint.get("/")
@needs(Right.RULES_READ)
def index() -> str:
    """The list of rules."""
    member, picture = auth.member(), live.current()
    form = FilterForm(request.args)
    if not form.validate():
        form = FilterForm(None)
    owners = words.owners(picture, member.area(Right.RULES_READ))
    form.owner.choices = {"": "全部"} | dict(owners)
    filters = _filters(form, picture)
    number = max(1, request.args.get("page", 1, type=int))
    lines = listing.for_staff(member, filters, offset=(number - 1) * PAGE, limit=PAGE)
    count = listing.count_for_staff(member, filters)
    asked = _asked()
    return render_template(
        "console/rules/index.html",
        form=form,
        lines=lines,
        count=count,
        is_filtered=bool(asked),
        waiting=len(listing.waiting_for_review(member)),
        policy_of=_policy_department(picture),
        owner_of=lambda row: Owner(row.department_id, row.account_id).name(picture),
        words_of=_words_of,
        previous=_page_address(number - 1, asked) if number > 1 else None,
        next=_page_address(number + 1, asked) if number * PAGE < count else None,
        states=words.VERSION_STATES,
        rule_states=words.RULE_STATES,
        scopes=words.SCOPE_NAMES,
        today=clock.local_day(clock.now()),
    )


def _policy_department(picture: Live) -> int | None:
    """The department whose demands to show first: the own one, else the first that is theirs."""
    own = auth.current().staff.department_id
    listed = [*([own] if own is not None else []), *sorted(picture.tree.parents)]
    member = auth.member()
    may = (key for key in listed if member.may(Right.DEPARTMENTS_MANAGE, department_id=key))
    return next(may, None)


def _filters(form: FilterForm, picture: Live) -> Filters:
    owner = Owner.of(form.owner.data) if form.owner.data else None
    department_ids: tuple[int, ...] = ()
    if owner is not None and owner.department_id is not None:
        department_ids = picture.tree.within(owner.department_id)
    return Filters(
        department_ids=department_ids,
        account_id=owner.account_id if owner else None,
        is_city=owner == Owner(),
        scope=Scope(form.scope.data) if form.scope.data else None,
        standing=Standing(form.state.data) if form.state.data else None,
        text=(form.q.data or "")[:100],
        unheard=bool(form.unheard.data),
        due_on=clock.local_day(clock.now()) if form.due.data else None,
    )


def _asked() -> dict[str, Any]:
    """What the address asks for, without the number of the page."""
    return {key: value for key, value in request.args.items() if key != "page" and value}


def _page_address(number: int, asked: dict[str, Any]) -> str:
    return url_for("rules.index", **asked, page=number)


def _words_of(row: Any) -> str:
    """The first keywords of a rule, for its line; one in several ways is told once."""
    listed = list(dict.fromkeys(each["text"] for each in row.keywords))
    return "、".join(listed[:4]) + (f" 等 {len(listed)} 个" if len(listed) > 4 else "")


@blueprint.get("/effective")
@needs(Right.RULES_READ)
def effective() -> str:
    """All rules one account answers with, and where each comes from."""
    member, picture = auth.member(), live.current()
    own = [
        account
        for account in sorted(picture.accounts.values(), key=lambda one: one.id)
        if member.may(Right.RULES_READ, account_id=account.id)
    ]
    wished = request.args.get("account", type=int)
    chosen = next((one for one in own if one.id == wished), own[0] if own else None)
    if wished is not None and (chosen is None or chosen.id != wished):
        raise NotFound(kind="account", id=wished)
    placed: tuple[Placed, ...] = ()
    if chosen is not None:
        reach = picture.book.reaches[chosen.id]
        placed = placement.placed(picture.book.city.rules, reach)
    counts = Counter(one.origin for one in placed)
    text = fold(request.args.get("q", "")[:100])
    origin = request.args.get("origin", "")
    found = [
        one
        for one in placed
        if (not origin or one.origin.value == origin) and (not text or _has(one, text))
    ]
    number = max(1, request.args.get("page", 1, type=int))
    start = (number - 1) * _EFFECTIVE_PAGE
    asked = _asked()
    return render_template(
        "console/rules/effective.html",
        accounts=own,
        chosen=chosen,
        placed=found[start : start + _EFFECTIVE_PAGE],
        count=len(found),
        counts=counts,
        origins=words.ORIGINS,
        scopes=words.SCOPE_NAMES,
        asked=request.args,
        owner_of=lambda rule: Owner(rule.department_id, rule.account_id).name(picture),
        may_open=lambda rule: member.may(
            Right.RULES_READ, department_id=rule.department_id, account_id=rule.account_id
        ),
        keyword_text=keyword_text,
        previous=url_for("rules.effective", **asked, page=number - 1) if number > 1 else None,
        next=url_for("rules.effective", **asked, page=number + 1)
        if start + _EFFECTIVE_PAGE < len(found)
        else None,
    )


def _has(one: Placed, text: str) -> bool:
    return text in one.rule.name.lower() or any(
        text in each.text.lower() for each in one.rule.keywords
    )
