"""The page of one rule and the history of its versions."""

from collections.abc import Sequence
from datetime import timedelta

from flask import render_template, request

from app import snapshots
from app.console.rules import labels
from app.console.rules.blueprint import blueprint
from app.console.rules.owner import Owner
from app.web import auth
from app.web.auth import requires
from config import clock
from config.permissions import Permission
from keywords.publishing import diff
from keywords.publishing.diff import FieldDiff
from keywords.rules import store, versions
from keywords.rules.spec import RuleSpec, RuleState
from keywords.rules.versions import RuleVersion
from keywords.statistics import hits
from matrix.staff import members

_HITS_PERIOD = timedelta(days=30)
# the page of all versions has the others
_MAX_RECENT_VERSIONS = 5


@blueprint.get("/<int:rule_id>")
@requires(Permission.RULES_READ)
def show(rule_id: int) -> str:
    """A rule: what citizens get now, what is proposed, its last versions and its hits."""
    row = store.access_rule(auth.member(), rule_id, Permission.RULES_READ)
    newest = versions.find_newest(rule_id)
    # a rule that was never published has no content that citizens get, only a proposal
    is_new, today = row.state is RuleState.DRAFT, clock.local_day(clock.now())
    owner = Owner(row.department_id, row.account_id)
    return render_template(
        "console/rules/show.html",
        row=row,
        newest=newest,
        owner=owner,
        owner_name=owner.name(snapshots.current()),
        content_fields=_content_fields(store.to_spec(row)),
        is_new=is_new,
        # a rule that once answered citizens is disabled and never
        # deleted: hits and audit rows name it
        can_delete=is_new and not versions.was_ever_published(rule_id),
        recent_versions=versions.list_for_rule(rule_id)[:_MAX_RECENT_VERSIONS],
        hits=hits.summaries(auth.member(), [row.slug], since=today - _HITS_PERIOD).get(row.slug),
        staff_names=staff_names([newest] if newest else []),
        today=today,
        **label_context(),
    )


@blueprint.get("/<int:rule_id>/versions")
@requires(Permission.RULES_READ)
def all_versions(rule_id: int) -> str:
    """All versions of a rule, and the differences between two of them.

    The query names two version numbers: `b` is the later (default: the newest), `a` the earlier
    (default: the one before `b`). An unknown number counts as not given.
    """
    row = store.access_rule(auth.member(), rule_id, Permission.RULES_READ)
    listed = versions.list_for_rule(rule_id)
    # the query may name any two versions
    by_number = {version.number: version for version in listed}
    after = by_number.get(request.args.get("b", type=int) or 0) or (listed[0] if listed else None)
    before_number = request.args.get("a", type=int) or (after.number - 1 if after else 0)
    before = by_number.get(before_number)
    return render_template(
        "console/rules/versions.html",
        row=row,
        versions=listed,
        before=before,
        after=after,
        differences=differences_between(before, after) if after else (),
        staff_names=staff_names(listed),
        **label_context(),
    )


def _content_fields(rule_spec: RuleSpec) -> tuple[FieldDiff, ...]:
    """The whole content, field by field: the difference to nothing, without the owner."""
    return tuple(row for row in diff.compare(None, rule_spec) if row.field != "owner")


def differences_between(before: RuleVersion | None, after: RuleVersion) -> tuple[FieldDiff, ...]:
    """What changed between two versions, the owner included; everything if `before` is None."""
    snapshot = snapshots.current()
    # names and not ids: moving a rule to another department is a difference that a reviewer must
    # see
    owner_before = Owner(before.department_id, before.account_id).name(snapshot) if before else ""
    owner_after = Owner(after.department_id, after.account_id).name(snapshot)
    return diff.compare(
        before.spec if before else None,
        after.spec,
        owner_before=owner_before,
        owner_after=owner_after,
    )


def staff_names(listed: Sequence[RuleVersion]) -> dict[int, str]:
    """Names, by staff id, of the authors, submitters and reviewers of some versions: one query."""
    ids = {key for row in listed for key in (row.author_id, row.submitter_id, row.reviewer_id)}
    return members.names({key for key in ids if key is not None})


def label_context() -> dict[str, object]:
    """The template variables by which `_macros.html` labels rules, versions and differences."""
    return {
        "field_labels": labels.FIELDS,
        "value_text": labels.value_text,
        "version_state_labels": labels.VERSION_STATES,
        "rule_state_labels": labels.RULE_STATES,
        "scope_labels": labels.SCOPE_NAMES,
    }
