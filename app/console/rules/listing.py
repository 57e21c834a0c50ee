"""The list of all rules a person may read, and the effective rules of one account."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from flask import render_template, request, url_for
from wtforms import BooleanField, SelectField, StringField

from app import snapshots
from app.console import forms
from app.console.forms import strip
from app.console.rules import labels
from app.console.rules.blueprint import blueprint
from app.console.rules.owner import Owner, owner_choices
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
from keywords.rules.store import RuleRow
from keywords.rules.values import Rule, RuleScope
from matrix.accounts import AccountSnapshot

# from memory and not from the database, so a page may be longer than that of the list
_EFFECTIVE_PAGE_SIZE = 100
# addresses come from outside: a longer search costs time and finds nothing
_MAX_SEARCH_LENGTH = 100
_MAX_KEYWORDS_SHOWN = 4


class FilterForm(forms.Form):
    """The filters of the list; they come with the query."""

    class Meta(forms.Form.Meta):
        """A filter changes nothing, so it needs no CSRF token."""

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
    """The list of rules, filtered and by page; filters that are malformed count as not given."""
    member, snapshot = auth.member(), snapshots.current()
    form = FilterForm(request.args)
    # an old bookmark with a value that is gone shows all rules instead of an error
    if not form.validate():
        form = FilterForm(None)
    owners = owner_choices(snapshot, member.scope(Permission.RULES_READ))
    form.owner.choices = {"": "全部"} | dict(owners)
    filters = _filters(form, snapshot)
    page_number = max(1, request.args.get("page", 1, type=int))
    items = listing.list_for_staff(
        member, filters, offset=(page_number - 1) * PAGE_SIZE, limit=PAGE_SIZE
    )
    count = listing.count_for_staff(member, filters)
    return render_template(
        "console/rules/index.html",
        form=form,
        items=items,
        count=count,
        is_filtered=bool(_query_params()),
        waiting_count=len(listing.list_waiting_for_review(member)),
        policy_department_id=_policy_department(snapshot),
        owner_name=lambda row: Owner(row.department_id, row.account_id).name(snapshot),
        keywords_text=_keywords_text,
        **_page_urls("rules.index", page_number, has_next=page_number * PAGE_SIZE < count),
        version_state_labels=labels.VERSION_STATES,
        rule_state_labels=labels.RULE_STATES,
        scope_labels=labels.SCOPE_NAMES,
        today=clock.local_day(clock.now()),
    )


def _policy_department(snapshot: Snapshot) -> int | None:
    """The department whose review policy the link opens: the person's own, else the first managed.

    None for who manages no department.
    """
    member, own_id = auth.member(), auth.current().staff.department_id
    own = [own_id] if own_id is not None else []
    department_ids = [*own, *sorted(snapshot.department_tree.parents)]
    managed = (
        key
        for key in department_ids
        if member.may(Permission.DEPARTMENTS_MANAGE, department_id=key)
    )
    return next(managed, None)


def _filters(form: FilterForm, snapshot: Snapshot) -> RuleFilters:
    """The form as filters; a department stands for its whole subtree."""
    owner = Owner.from_key(form.owner.data) if form.owner.data else None
    department_ids: tuple[int, ...] = ()
    if owner is not None and owner.department_id is not None:
        # staff of a department ask for its rules and mean those of its sections as well
        department_ids = snapshot.department_tree.within(owner.department_id)
    return RuleFilters(
        department_ids=department_ids,
        account_id=owner.account_id if owner else None,
        is_city=owner == Owner(),
        scope=RuleScope(form.scope.data) if form.scope.data else None,
        status=ListStatus(form.state.data) if form.state.data else None,
        text=(form.q.data or "")[:_MAX_SEARCH_LENGTH],
        never_hit=bool(form.unheard.data),
        review_due_before=clock.local_day(clock.now()) if form.due.data else None,
    )


def _query_params() -> dict[str, Any]:
    """The query without the page number and without empty values."""
    # empty values are what a browser sends of untouched fields
    return {key: value for key, value in request.args.items() if key != "page" and value}


def _page_urls(endpoint: str, page_number: int, *, has_next: bool) -> dict[str, str | None]:
    """The addresses of the pages before and after, None where there is none."""
    query_params = _query_params()
    return {
        "previous_url": url_for(endpoint, **query_params, page=page_number - 1)
        if page_number > 1
        else None,
        "next_url": url_for(endpoint, **query_params, page=page_number + 1) if has_next else None,
    }


def _keywords_text(row: RuleRow) -> str:
    """The first keywords of a rule; one that stands there in several modes is named once."""
    # from the row's JSON: making values of fifty rules for four words each would be wasted
    listed = list(dict.fromkeys(each["text"] for each in row.keywords))
    return "、".join(listed[:_MAX_KEYWORDS_SHOWN]) + (
        f" 等 {len(listed)} 个" if len(listed) > _MAX_KEYWORDS_SHOWN else ""
    )


@blueprint.get("/effective")
@requires(Permission.RULES_READ)
def effective() -> str:
    """All rules that one account answers with, and where each comes from.

    The account is named by the query; without it, the first that the person may read. Raises
    NotFound for another department's.
    """
    member, snapshot = auth.member(), snapshots.current()
    accounts = [
        account
        for account in sorted(snapshot.accounts.values(), key=lambda account: account.id)
        if member.may(Permission.RULES_READ, account_id=account.id)
    ]
    # among the permitted ones only, so an account of others is as unknown as one that does not
    # exist
    account = _requested_account(accounts)
    effective_rules = _effective_rules(account, snapshot)
    matching = _matching(effective_rules)
    page_number = max(1, request.args.get("page", 1, type=int))
    start = (page_number - 1) * _EFFECTIVE_PAGE_SIZE
    end = start + _EFFECTIVE_PAGE_SIZE
    return render_template(
        "console/rules/effective.html",
        accounts=accounts,
        account=account,
        effective_rules=matching[start:end],
        count=len(matching),
        counts=Counter(item.origin for item in effective_rules),
        origin_labels=labels.ORIGINS,
        query_params=request.args,
        owner_name=lambda rule: Owner(rule.department_id, rule.account_id).name(snapshot),
        # rules from above answer here but belong to others: they are listed without a link
        may_open=lambda rule: member.may(
            Permission.RULES_READ, department_id=rule.department_id, account_id=rule.account_id
        ),
        keyword_label=keyword_label,
        **_page_urls("rules.effective", page_number, has_next=end < len(matching)),
    )


def _requested_account(accounts: list[AccountSnapshot]) -> AccountSnapshot | None:
    """The account of the query among these, else the first; None where there are none."""
    requested_id = request.args.get("account", type=int)
    if requested_id is None:
        return accounts[0] if accounts else None
    for account in accounts:
        if account.id == requested_id:
            return account
    raise NotFound(kind="account", id=requested_id)


def _effective_rules(
    account: AccountSnapshot | None, snapshot: Snapshot
) -> tuple[EffectiveRule, ...]:
    if account is None:
        return ()
    ruleset = snapshot.ruleset
    return inheritance.list_with_origin(
        ruleset.all_rules_matcher.rules, ruleset.positions[account.id]
    )


def _matching(effective_rules: Iterable[EffectiveRule]) -> list[EffectiveRule]:
    """Those of the origin that the query asks for, with its text in their name or a keyword."""
    # folded like the keywords, so that 身份證 finds 身份证
    text = fold(request.args.get("q", "")[:_MAX_SEARCH_LENGTH])
    origin = request.args.get("origin", "")
    return [
        item
        for item in effective_rules
        if (not origin or item.origin.value == origin) and (not text or _contains(item.rule, text))
    ]


def _contains(rule: Rule, text: str) -> bool:
    keywords = (keyword.text.lower() for keyword in rule.keywords)
    return text in rule.name.lower() or any(text in keyword for keyword in keywords)
