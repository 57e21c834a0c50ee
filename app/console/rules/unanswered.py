"""What citizens asked and no rule answered with confidence, similar questions as one cluster.

A cluster becomes a new rule, joins an existing one, or is ignored.
"""

from typing import Any

from flask import Response, render_template, request, url_for
from wtforms import SelectField, StringField

from app import explain, snapshots
from app.console import forms
from app.console.forms import strip
from app.console.responses import ViewResult, flash_success, redirect_to
from app.console.rules.blueprint import tools_blueprint
from app.web import auth
from app.web.auth import requires
from config import clock
from config.errors import NotFound
from config.permissions import Permission
from keywords.rules import listing, store
from keywords.rules.listing import RuleFilters
from keywords.rules.store import RuleRow
from keywords.statistics import similarity, unanswered
from keywords.statistics.unanswered import Cluster, ClusterFilter, ClusterState, UnansweredReason

REASON_LABELS = {
    UnansweredReason.FALLBACK: ("没有答上", "red"),
    UnansweredReason.SUGGESTION: ("只给了建议", "yellow"),
    UnansweredReason.PHONETIC: ("靠读音猜的", "blue"),
}
_STATE_LABELS = {
    ClusterState.OPEN: "待处理",
    ClusterState.DONE: "已处理",
    ClusterState.IGNORED: "已忽略",
}
# keys of the query and not of columns: `ClusterFilter` decides what they mean
_ORDER_LABELS = {"count": "问得最多的", "newest": "最近问的"}
_PAGE_SIZE = 30
_MAX_SEARCH_LENGTH = 60
_MAX_CANDIDATES = 5


class FilterForm(forms.Form):
    """Which clusters are shown, in which order; read from the query."""

    class Meta(forms.Form.Meta):
        """A filter changes nothing, so it needs no CSRF token."""

        csrf = False

    state = SelectField(
        "状态", choices={state.value: label for state, label in _STATE_LABELS.items()}
    )
    account = SelectField("账号")
    order = SelectField("先看", choices=_ORDER_LABELS)
    q = StringField("查找", filters=[strip])


@tools_blueprint.get("/unmatched")
@requires(Permission.RULES_READ)
def list_unanswered() -> str:
    """The clusters of the person's accounts, a page at a time."""
    member, form = auth.member(), FilterForm(request.args)
    accounts = explain.accounts_in(member.scope(Permission.RULES_READ), snapshots.current())
    form.account.choices = {"": "全部账号"} | {str(each.id): each.name for each in accounts}
    _reset_unknown_choices(form)
    cluster_filter = _cluster_filter(form)
    rows = unanswered.list_for_staff(
        member, cluster_filter, after=_last_cluster_before(), limit=_PAGE_SIZE + 1
    )
    page_rows = rows[:_PAGE_SIZE]
    next_url = _page_url(form, after=page_rows[-1].id) if len(rows) > _PAGE_SIZE else ""
    return render_template(
        "console/rules/unanswered/index.html",
        form=form,
        rows=page_rows,
        cluster_filter=cluster_filter,
        next_url=next_url,
        open_count=sum(unanswered.count_open_by_account(member).values()),
        **_label_context(),
    )


@tools_blueprint.post("/unmatched/<int:cluster_id>/ignore")
@requires(Permission.RULES_WRITE)
def ignore_cluster(cluster_id: int) -> ViewResult:
    """Close a cluster that needs no rule."""
    cluster = _access_cluster(cluster_id)
    row = unanswered.close(cluster.id, ClusterState.IGNORED, by=auth.member(), now=clock.now())
    return _cluster_response(row, "已忽略。")


@tools_blueprint.post("/unmatched/<int:cluster_id>/reopen")
@requires(Permission.RULES_WRITE)
def reopen_cluster(cluster_id: int) -> ViewResult:
    """Open a closed cluster again."""
    return _cluster_response(unanswered.reopen(_access_cluster(cluster_id).id), "已放回待处理。")


@tools_blueprint.post("/unmatched/<int:cluster_id>/rule")
@requires(Permission.RULES_WRITE)
def create_rule(cluster_id: int) -> ViewResult:
    """Close a cluster and open the form of a new rule with its main phrase and question."""
    cluster = _access_cluster(cluster_id)
    # closed before the rule is saved, since the form that follows knows nothing of clusters; the
    # message says how to undo it
    unanswered.close(cluster.id, ClusterState.DONE, by=auth.member(), now=clock.now())
    flash_success("这一组已记为处理过。规则没有保存的话，可以在“没有答上的 · 已处理”里放回。")
    return redirect_to(
        "rules.new",
        keyword=similarity.main_phrase(cluster.text),
        sample=cluster.title,
        account=_account_only(cluster),
        department=_department_of(cluster),
    )


@tools_blueprint.post("/unmatched/<int:cluster_id>/rules/<int:rule_id>")
@requires(Permission.RULES_WRITE)
def add_to_rule(cluster_id: int, rule_id: int) -> ViewResult:
    """Close a cluster and open an existing rule with its main phrase as another keyword."""
    cluster = _access_cluster(cluster_id)
    rule = store.access_rule(auth.member(), rule_id, Permission.RULES_WRITE)
    unanswered.close(
        cluster.id, ClusterState.DONE, by=auth.member(), now=clock.now(), rule_slug=rule.slug
    )
    flash_success(f"这一组已记为由“{rule.name}”处理。关键词加好后请保存并发布。")
    return redirect_to(
        "rules.edit", rule_id=rule.id, add_keyword=similarity.main_phrase(cluster.text)
    )


@tools_blueprint.get("/unmatched/<int:cluster_id>/choices")
@requires(Permission.RULES_WRITE)
def candidate_rules(cluster_id: int) -> str:
    """Rules that a cluster may belong to: similar ones, or those that `q` in the query finds."""
    cluster = _access_cluster(cluster_id)
    search = request.args.get("q", "").strip()[:_MAX_SEARCH_LENGTH]
    candidates = _search_rules(search) if search else _similar_rules(cluster)
    return render_template(
        "console/rules/unanswered/_candidate_rules.html",
        cluster=cluster,
        candidates=candidates,
        search=search,
    )


def _access_cluster(cluster_id: int) -> Cluster:
    return unanswered.access_cluster(auth.member(), cluster_id, Permission.RULES_WRITE)


def _reset_unknown_choices(form: FilterForm) -> None:
    """Put the first choice in the place of a value that is none of the choices."""
    for field in (form.state, form.account, form.order):
        values = list(field.choices or ())
        # the query may be an old bookmark; a list with the wrong filter would be worse than all
        if field.data not in values:
            field.data = values[0]
    form.q.data = (form.q.data or "")[:_MAX_SEARCH_LENGTH]


def _cluster_filter(form: FilterForm) -> ClusterFilter:
    return ClusterFilter(
        state=ClusterState(form.state.data),
        account_id=int(form.account.data) if form.account.data else None,
        search=form.q.data or "",
        newest_first=form.order.data == "newest",
    )


def _last_cluster_before() -> Cluster | None:
    """The last cluster of the page before, which `after` names; None where it is gone."""
    key = request.args.get("after", type=int)
    if key is None:
        return None
    try:
        return unanswered.access_cluster(auth.member(), key, Permission.RULES_READ)
    # deleted since the page before was shown: the list begins anew
    except NotFound:
        return None


def _page_url(form: FilterForm, **extra: Any) -> str:
    query_params = {field.name: field.data for field in form if field.data}
    return url_for("rule_tools.list_unanswered", **query_params, **extra)


def _label_context() -> dict[str, object]:
    accounts = {account.id: account.name for account in snapshots.current().accounts.values()}
    return {"reason_labels": REASON_LABELS, "account_names": accounts}


def _cluster_response(row: Cluster, text: str) -> ViewResult:
    """For htmx the cluster as it is now, in place of the old; else the list with a message."""
    # without scripts the same button posts a form and gets a page
    if "HX-Request" in request.headers:
        return Response(
            render_template("console/rules/unanswered/_cluster.html", row=row, **_label_context())
        )
    flash_success(text)
    return redirect_to("rule_tools.list_unanswered")


def _account_only(cluster: Cluster) -> int | None:
    """The account id for who may write rules for it only; None for who may for its department.

    A rule for the whole department is the usual case, so the form shows it where it is permitted.
    """
    is_wider = auth.member().may(Permission.RULES_WRITE, department_id=_department_of(cluster))
    return None if is_wider else cluster.account_id


def _department_of(cluster: Cluster) -> int | None:
    accounts = snapshots.current().accounts.values()
    return next((each.department_id for each in accounts if each.id == cluster.account_id), None)


def _similar_rules(cluster: Cluster) -> list[RuleRow]:
    ruleset = snapshots.current().ruleset
    similar = ruleset.suggest(cluster.account_id, cluster.text, now=clock.now())
    # suggestions come from the whole city, and only own rules can be given a keyword
    return _writable(store.list_by_ids([rule.id for rule in similar]))


def _search_rules(search: str) -> list[RuleRow]:
    listed = listing.list_for_staff(
        # more than are shown, because some of those that may be read may not be written
        auth.member(),
        RuleFilters(text=search),
        limit=4 * _MAX_CANDIDATES,
    )
    return _writable([each.rule for each in listed])


def _writable(rows: list[RuleRow]) -> list[RuleRow]:
    member = auth.member()
    return [
        row
        for row in rows
        if member.may(
            Permission.RULES_WRITE, department_id=row.department_id, account_id=row.account_id
        )
    ][:_MAX_CANDIDATES]
