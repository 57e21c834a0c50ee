"""Jobs that check an uploaded file of rules and apply a confirmed one.

The file is parsed while no transaction is open. All of it is applied as draft versions in one
transaction with the import's new state, so it is never applied twice or by half. Progress goes
through the cache, for the page that polls.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from app import snapshots
from app.content.yaml_nodes import InvalidFile
from app.references import References
from app.rule_files import import_plan, parse
from app.rule_files.import_plan import ChangeKind, ImportPlan
from app.rule_files.parse import OwnerNames
from config import audit, cache, clock
from config.audit import Actor
from config.database import read_only, run_in_transaction, session, transaction
from config.errors import DomainError
from config.permissions import Principal
from keywords.publishing import bulk_create, workflow
from keywords.publishing.bulk_create import NewRuleRow
from keywords.rules import rule_imports
from keywords.rules.rule_imports import MAX_PROBLEMS, ImportFormat, ImportState, RuleImport
from keywords.rules.versions import VersionSpec
from matrix.staff import grants, members

# More rows than this nobody reads before confirming; the counts cover all of them.
_MAX_PREVIEW_ROWS = 200
# in rules; the page polls, so most figures in between would be overwritten unseen
_REPORT_EVERY = 50
# how long the cache keeps a progress figure
_PROGRESS_SECONDS = 600.0
_CHANGED_MEANWHILE = "这些规则在您确认之前又有了变化，请看过新的预览后再确认。"


@dataclass(frozen=True)
class _Upload:
    """What a job has to know of an import while no transaction is open."""

    id: int
    staff_id: int
    staff_name: str
    filename: str
    format: ImportFormat
    rules_fingerprint: str
    submits: bool


def check(*, import_id: int, now: datetime) -> None:
    """Check an upload and record what it would change, or all problems."""
    upload = _load_upload(import_id, ImportState.CHECKING)
    if upload is None:
        return
    try:
        columns = _plan_columns(_make_plan(upload, now))
    except DomainError as error:
        columns = {"note": _without_path(error), "invalid": 1}
    with transaction():
        rule_imports.record_check(import_id, now=now, **columns)


def apply(*, import_id: int, now: datetime) -> None:
    """Create the drafts of a confirmed import, all of them or none.

    Returns to the preview when the rules have changed since it was confirmed.
    """
    upload = _load_upload(import_id, ImportState.APPLYING)
    if upload is None:
        return
    # The file is checked again instead of applying the stored preview: rules, departments and the
    # uploader's permissions may have changed since.
    plan = _make_plan(upload, now)
    if plan.problems:
        with transaction():
            rule_imports.record_check(import_id, now=now, **_plan_columns(plan))
    elif plan.rules_fingerprint != upload.rules_fingerprint:
        with transaction():
            rule_imports.return_to_preview(
                import_id, _CHANGED_MEANWHILE, now=now, **_plan_columns(plan)
            )
    else:
        # validating and hashing the rules is slow and needs no lock, so it is done before
        new_rules = _new_rules(upload, plan, now)
        # the worker acts for the person who confirmed the import
        with audit.acting_as(Actor(upload.staff_name, upload.staff_id)):
            run_in_transaction(lambda: _apply(upload, plan, new_rules, now))


def progress(import_id: int) -> int:
    """How many rules of an import are done; 0 when the cache does not know."""
    columns = cache.get(f"import:{import_id}")
    return int(columns) if columns else 0


def _progress_reporter(import_id: int) -> Callable[[int], None]:
    return lambda done: cache.put(f"import:{import_id}", str(done), _PROGRESS_SECONDS)


def _load_upload(import_id: int, state: ImportState) -> _Upload | None:
    with read_only():
        row = session.get(RuleImport, import_id)
        if row is None or row.state is not state:
            return None
        return _Upload(**{name: getattr(row, name) for name in _Upload.__dataclass_fields__})


def _make_plan(upload: _Upload, now: datetime) -> ImportPlan:
    with read_only():
        body = rule_imports.read_content(upload.id)
        member = _principal_of(upload.staff_id, now)
        references = References.for_staff(member)
    # no transaction is open: a large workbook takes seconds to parse
    read = parse.parse_file(
        upload.format,
        body,
        upload.filename,
        _owner_names(references),
        report_progress=_progress_reporter(upload.id),
    )
    with read_only():
        return import_plan.make_plan(read, member, references)


def _principal_of(staff_id: int, now: datetime) -> Principal:
    """What the uploader may do today; rights may have been withdrawn since the upload."""
    person = members.get(staff_id)
    grants_in_force = (
        grants.list_current([staff_id]) if person.state is members.StaffState.ACTIVE else []
    )
    return grants.principal_for(person, grants_in_force, today=clock.local_day(now))


def _owner_names(references: References) -> OwnerNames:
    snapshot = snapshots.refresh()
    return OwnerNames(
        _unambiguous(
            (snapshot.department_names.get(key, ""), code)
            for code, key in references.departments.items()
        ),
        _unambiguous((account.name, appid) for appid, account in snapshot.accounts.items()),
    )


def _unambiguous(listed: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The slug of each name that only one owner has; a name of two cannot be resolved."""
    pairs = list(listed)
    counts = Counter(name for name, _ in pairs)
    return {name: code for name, code in pairs if counts[name] == 1}


def _plan_columns(plan: ImportPlan) -> dict[str, Any]:
    listed = [change for change in plan.changes if change.kind is not ChangeKind.SAME][
        :_MAX_PREVIEW_ROWS
    ]
    return {
        "rules_fingerprint": plan.rules_fingerprint,
        "total": len(plan.changes),
        "added": plan.count(ChangeKind.NEW),
        "changed": plan.count(ChangeKind.CHANGED),
        "unchanged": plan.count(ChangeKind.SAME),
        "invalid": len(plan.problems),
        "problems": [asdict(problem) for problem in plan.problems[:MAX_PROBLEMS]],
        "preview": [
            {
                "at": change.at,
                "kind": change.kind.value,
                "code": change.spec.slug,
                "name": change.spec.name,
                "replaces": change.replaces,
            }
            for change in listed
        ],
    }


def _without_path(error: DomainError) -> str:
    if isinstance(error, InvalidFile):
        return f"{error.facts['where']}：{error.facts['problem']}。"
    return str(error)


def _new_rules(upload: _Upload, plan: ImportPlan, now: datetime) -> list[NewRuleRow]:
    return [
        bulk_create.prepare(
            VersionSpec(change.spec, change.department_id, change.account_id),
            author_id=upload.staff_id,
            submits=upload.submits,
            now=now,
        )
        for change in plan.changes
        if change.kind is ChangeKind.NEW
    ]


def _apply(
    upload: _Upload, plan: ImportPlan, new_rules: Sequence[NewRuleRow], now: datetime
) -> None:
    # compare-and-set, first in the transaction: a second run of the job applies nothing
    if not rule_imports.mark_applied(upload.id, now=now):
        return
    bulk_create.insert_all(new_rules)
    report_progress = _progress_reporter(upload.id)
    changed = (change for change in plan.changes if change.kind is ChangeKind.CHANGED)
    for done, change in enumerate(changed, len(new_rules)):
        version = workflow.save_draft(
            change.spec,
            rule_id=change.rule_id,
            base_lock_version=None,
            department_id=change.department_id,
            account_id=change.account_id,
            author_id=upload.staff_id,
            now=now,
        )
        if upload.submits:
            workflow.submit(version.id, submitter_id=upload.staff_id, now=now)
        if done % _REPORT_EVERY == 0:
            report_progress(done)
