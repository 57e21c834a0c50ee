"""The shelf: all rules of a member's area, and the effective set of one account."""

from collections import Counter
from typing import Any

from flask import render_template, request, url_for
from wtforms import BooleanField, SelectField, StringField

from app import snapshots
from app.console import forms
from app.console.forms import strip
from app.console.rules import labels
from app.console.rules.blueprint import blueprint
from app.console.rules.labels import Owner
from app.snapshots import Snapshot
from app.web import auth
from app.web.auth import requires
from config import clock
from config.errors import NotFound
from config.permissions import Permission
from keywords.language.normalize import fold
from keywords.publishing.diff import keyword_label
from keywords.rules import inheritance, listing
from keywords.rules.inheritance import EffectiveRule
from keywords.rules.listing import PAGE_SIZE, ListStatus, RuleFilters
from keywords.rules.values import RuleScope

_EFFECTIVE_PAGE_SIZE = 100


class FilterForm(forms.Form):
    """What the list is asked for; it comes with the address."""

    class Meta(forms.Form.Meta):
        """A filter changes nothing, so it needs no token."""

        csrf = False

    q = StringField("搜索", filters=[strip])
    owner = SelectField("归属", validate_choice=False, default="")
    state = SelectField(
        "状态",
        choices={"": "全部"} | {key.value: label for key, label in labels.LIST_STATUSES.items()},
        default="",
    )
    scope = SelectField(
        "范围",
        choices={"": "全部"} | {key.value: label for key, label in labels.SCOPE_NAMES.items()},
        default="",
    )
    unheard = BooleanField("从没答复过")
    due = BooleanField("过了复核日期")


@blueprint.get("/")
@requires(Permission.RULES_READ)
def index() -> str:
    """The list of rules."""
    member, snapshot = auth.member(), snapshots.current()
    form = FilterForm(request.args)
    if not form.validate():
        form = FilterForm(None)
    owners = labels.owner_choices(snapshot, member.scope(Permission.RULES_READ))
    form.owner.choices = {"": "全部"} | dict(owners)
    filters = _filters(form, snapshot)
    page_number = max(1, request.args.get("page", 1, type=int))
    lines = listing.list_for_staff(
        member, filters, offset=(page_number - 1) * PAGE_SIZE, limit=PAGE_SIZE
    )
    count = listing.count_for_staff(member, filters)
    query_params = _query_params()
    return render_template(
        "console/rules/index.html",
        form=form,
        lines=lines,
        count=count,
        is_filtered=bool(query_params),
        waiting=len(listing.list_waiting_for_review(member)),
        policy_of=_policy_department(snapshot),
        owner_of=lambda row: Owner(row.department_id, row.account_id).name(snapshot),
        words_of=_keywords_text,
        previous=_page_url(page_number - 1, query_params) if page_number > 1 else None,
        next=_page_url(page_number + 1, query_params) if page_number * PAGE_SIZE < count else None,
        states=labels.VERSION_STATES,
        rule_states=labels.RULE_STATES,
        scopes=labels.SCOPE_NAMES,
        today=clock.local_day(clock.now()),
    )


def _policy_department(snapshot: Snapshot) -> int | None:
    """The department whose demands to show first: the own one, else the first that is theirs."""
    readable_accounts = auth.current().staff.department_id
    listed = [
        *([readable_accounts] if readable_accounts is not None else []),
        *sorted(snapshot.department_tree.parents),
    ]
    member = auth.member()
    may = (key for key in listed if member.may(Permission.DEPARTMENTS_MANAGE, department_id=key))
    return next(may, None)


def _filters(form: FilterForm, snapshot: Snapshot) -> RuleFilters:
    owner = Owner.from_key(form.owner.data) if form.owner.data else None
    department_ids: tuple[int, ...] = ()
    if owner is not None and owner.department_id is not None:
        department_ids = snapshot.department_tree.within(owner.department_id)
    return RuleFilters(
        department_ids=department_ids,
        account_id=owner.account_id if owner else None,
        is_city=owner == Owner(),
        scope=RuleScope(form.scope.data) if form.scope.data else None,
        status=ListStatus(form.state.data) if form.state.data else None,
        text=(form.q.data or "")[:100],
        never_hit=bool(form.unheard.data),
        review_due_before=clock.local_day(clock.now()) if form.due.data else None,
    )


def _query_params() -> dict[str, Any]:
    """What the address asks for, without the number of the page."""
    return {key: value for key, value in request.args.items() if key != "page" and value}


def _page_url(page_number: int, query_params: dict[str, Any]) -> str:
    return url_for("rules.index", **query_params, page=page_number)


def _keywords_text(row: Any) -> str:
    """The first keywords of a rule, for its line; one in several ways is told once."""
    listed = list(dict.fromkeys(each["text"] for each in row.keywords))
    return "、".join(listed[:4]) + (f" 等 {len(listed)} 个" if len(listed) > 4 else "")


@blueprint.get("/effective")
@requires(Permission.RULES_READ)
def effective() -> str:
    """All rules one account answers with, and where each comes from."""
    member, snapshot = auth.member(), snapshots.current()
    readable_accounts = [
        account
        for account in sorted(
            snapshot.accounts.values(), key=lambda effective_rule: effective_rule.id
        )
        if member.may(Permission.RULES_READ, account_id=account.id)
    ]
    requested_id = request.args.get("account", type=int)
    chosen = next(
        (
            effective_rule
            for effective_rule in readable_accounts
            if effective_rule.id == requested_id
        ),
        readable_accounts[0] if readable_accounts else None,
    )
    if requested_id is not None and (chosen is None or chosen.id != requested_id):
        raise NotFound(kind="account", id=requested_id)
    effective_rules: tuple[EffectiveRule, ...] = ()
    if chosen is not None:
        scope_of_account = snapshot.ruleset.positions[chosen.id]
        effective_rules = inheritance.list_with_origin(
            snapshot.ruleset.all_rules_matcher.rules, scope_of_account
        )
    counts = Counter(effective_rule.origin for effective_rule in effective_rules)
    text = fold(request.args.get("q", "")[:100])
    origin = request.args.get("origin", "")
    matching = [
        effective_rule
        for effective_rule in effective_rules
        if (not origin or effective_rule.origin.value == origin)
        and (not text or _matches(effective_rule, text))
    ]
    page_number = max(1, request.args.get("page", 1, type=int))
    start = (page_number - 1) * _EFFECTIVE_PAGE_SIZE
    query_params = _query_params()
    return render_template(
        "console/rules/effective.html",
        accounts=readable_accounts,
        chosen=chosen,
        placed=matching[start : start + _EFFECTIVE_PAGE_SIZE],
        count=len(matching),
        counts=counts,
        origins=labels.ORIGINS,
        scopes=labels.SCOPE_NAMES,
        asked=request.args,
        owner_of=lambda rule: Owner(rule.department_id, rule.account_id).name(snapshot),
        may_open=lambda rule: member.may(
            Permission.RULES_READ, department_id=rule.department_id, account_id=rule.account_id
        ),
        keyword_text=keyword_label,
        previous=url_for("rules.effective", **query_params, page=page_number - 1)
        if page_number > 1
        else None,
        next=url_for("rules.effective", **query_params, page=page_number + 1)
        if start + _EFFECTIVE_PAGE_SIZE < len(matching)
        else None,
    )


def _matches(effective_rule: EffectiveRule, text: str) -> bool:
    return text in effective_rule.rule.name.lower() or any(
        text in each.text.lower() for each in effective_rule.rule.keywords
    )
