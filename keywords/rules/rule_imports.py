"""Imports of rule files (Excel or YAML), from the upload to the drafts they become.

    upload ──> checking ──> checked ── confirm ──> applying ──> done
                   └──> refused      └── discard ──> discarded

The content of the file is kept until the import has ended. Checking counts what would be added,
changed and unchanged, or lists all problems. `rules_fingerprint` identifies the state of the rules
that was compared with; if it is another one when the import is applied, the import goes back to
`checked` with a new preview, so nobody confirms something they have not seen. Jobs do the checking
and applying (`app/jobs/rule_file_imports.py`).
"""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, jobs
from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, compare_and_set, session
from config.errors import DomainError, Invalid, NotFound
from config.jobs import JobName
from config.permissions import Permission, Principal

MAX_FILE_BYTES = 5 * 2**20
MAX_FILENAME_LENGTH = 200
# More would not be read; the rest appears after the first ones are corrected.
MAX_PROBLEMS = 500
_KIND = "rule_import"


class RuleImportAction(AuditAction, kind=ObjectKind("rule_import", "规则导入")):
    """What is recorded about imports."""

    UPLOAD = "rule_import.upload", "上传规则文件"
    APPLY = "rule_import.apply", "执行规则导入"


class RuleImportJob(JobName):
    """Jobs about an uploaded file of rules."""

    CHECK = "rule_imports.check", "检查导入的规则文件"
    APPLY = "rule_imports.apply", "导入规则"


class ImportAlreadyHandled(DomainError):
    """The import is not in the state this step needs: already confirmed, or discarded."""

    text = "这次导入已经处理过了，请刷新页面。"


class ImportFormat(StrEnum):
    """The format of the file."""

    EXCEL = "xlsx"
    YAML = "yaml"


class ImportState(StrEnum):
    """The states of an import; see the module for the transitions."""

    CHECKING = "checking"
    CHECKED = "checked"
    REFUSED = "refused"
    APPLYING = "applying"
    DONE = "done"
    DISCARDED = "discarded"


RUNNING_STATES = (ImportState.CHECKING, ImportState.APPLYING)


class RuleImport(Base):
    """One uploaded file.

    `problems` is a list of {at, field, problem} with the line number as `at`; `note` is a problem
    of the whole file. `submits`: whether the drafts are submitted for review at once.
    """

    __tablename__ = "rule_imports"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    staff_name: Mapped[str]
    # of the staff member at the upload: whose auditors see it
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    filename: Mapped[str]
    format: Mapped[ImportFormat]
    sha256: Mapped[str]
    # deferred: lists and the page that polls read the row again and again without its file
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    state: Mapped[ImportState]
    rules_fingerprint: Mapped[str]
    submits: Mapped[bool]
    total: Mapped[int]
    added: Mapped[int]
    changed: Mapped[int]
    unchanged: Mapped[int]
    invalid: Mapped[int]
    problems: Mapped[list[Any]]
    preview: Mapped[list[Any]]
    note: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def is_running(self) -> bool:
        """Whether a job is checking or applying it."""
        return self.state in RUNNING_STATES

    @property
    def change_count(self) -> int:
        """How many rules the file would add or change."""
        return self.added + self.changed


def upload(filename: str, body: bytes, *, by: Principal, now: datetime) -> RuleImport:
    """Store an uploaded file and enqueue its check.

    Raises Invalid for an empty or too large file and for an unknown or macro-enabled format.
    """
    format_ = _format_of(filename)
    if not body:
        raise Invalid(field="file", problem="文件是空的。")
    if len(body) > MAX_FILE_BYTES:
        raise Invalid(
            field="file", problem=f"文件超过 {MAX_FILE_BYTES // 2**20} MB，请分成几个文件。"
        )
    row = RuleImport(
        staff_id=by.staff_id,
        staff_name=by.name,
        department_id=by.department_id,
        # the end of a long name has the extension and usually the date
        filename=filename[-MAX_FILENAME_LENGTH:],
        format=format_,
        sha256=hashlib.sha256(body).hexdigest(),
        content=body,
        state=ImportState.CHECKING,
        rules_fingerprint="",
        submits=False,
        **_empty_report(),
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()  # the job and the audit row need the id
    _audit(RuleImportAction.UPLOAD, row)
    # one job per import and step, however often the button is pressed
    jobs.enqueue(RuleImportJob.CHECK, key=f"{RuleImportJob.CHECK}:{row.id}", import_id=row.id)
    return row


def access_import(member: Principal, import_id: int) -> RuleImport:
    """An import that this staff member uploaded. Raises NotFound.

    Imports belong to a person and not to a department: one file may have rules of several
    departments, and its problems may quote any of them.
    """
    row = session.get(RuleImport, import_id, populate_existing=True)
    if row is None or row.staff_id != member.staff_id:
        raise NotFound(kind=_KIND, id=import_id)
    member.require_anywhere(Permission.RULES_WRITE)
    return row


def list_for_staff(member: Principal, *, limit: int = 20) -> list[RuleImport]:
    """The imports this staff member uploaded, the newest first."""
    rows = select(RuleImport).where(RuleImport.staff_id == member.staff_id)
    return list(session.scalars(rows.order_by(RuleImport.id.desc()).limit(limit)))


def read_content(import_id: int) -> bytes:
    """The file as it was uploaded; empty once the import has ended."""
    found = session.scalar(select(RuleImport.content).where(RuleImport.id == import_id))
    return found or b""


def record_check(import_id: int, *, now: datetime, **report: Any) -> None:
    """Store the result of checking: `rules_fingerprint`, counts, problems, preview, note.

    With problems the import is refused and its file deleted. Without effect when the import is no
    longer running, since a job may run twice.
    """
    state = (
        ImportState.REFUSED if report.get("invalid") or report.get("note") else ImportState.CHECKED
    )
    # files may contain personal data, so they are kept no longer than needed
    cleared = {"content": b""} if state is ImportState.REFUSED else {}
    compare_and_set(
        RuleImport,
        import_id,
        # also while applying: problems may have appeared since the preview
        when={"state": RUNNING_STATES},
        to={**_empty_report(), **report, **cleared, "state": state, "updated_at": now},
    )


def confirm(import_id: int, *, submits: bool, now: datetime) -> RuleImport:
    """Enqueue applying it, as drafts or (`submits`) straight to review.

    Raises ImportAlreadyHandled.
    """
    row = compare_and_set(
        RuleImport,
        import_id,
        when={"state": ImportState.CHECKED},
        to={"state": ImportState.APPLYING, "submits": submits, "note": "", "updated_at": now},
    )
    if row is None:
        raise ImportAlreadyHandled(id=import_id)
    jobs.enqueue(RuleImportJob.APPLY, key=f"{RuleImportJob.APPLY}:{row.id}", import_id=row.id)
    return row


def discard(import_id: int, *, now: datetime) -> RuleImport:
    """Discard a checked import and its file. Raises ImportAlreadyHandled."""
    row = compare_and_set(
        RuleImport,
        import_id,
        when={"state": ImportState.CHECKED},
        to={"state": ImportState.DISCARDED, "content": b"", "updated_at": now},
    )
    if row is None:
        raise ImportAlreadyHandled(id=import_id)
    return row


def return_to_preview(import_id: int, note: str, *, now: datetime, **report: Any) -> None:
    """Go from applying back to checked with a new preview, because the rules have changed."""
    compare_and_set(
        RuleImport,
        import_id,
        when={"state": ImportState.APPLYING},
        to={**report, "state": ImportState.CHECKED, "note": note, "updated_at": now},
    )


def mark_applied(import_id: int, *, now: datetime) -> bool:
    """Mark the import done, in the transaction that made its changes.

    False when it was done before (a job may run twice); the caller then changes nothing.
    """
    row = compare_and_set(
        RuleImport,
        import_id,
        when={"state": ImportState.APPLYING},
        to={"state": ImportState.DONE, "content": b"", "updated_at": now},
    )
    if row is not None:
        _audit(RuleImportAction.APPLY, row)
    return row is not None


def delete_older_than(*, before: datetime) -> int:
    """Delete imports that did not change since an instant. Returns how many."""
    removed = delete(RuleImport).where(RuleImport.updated_at < before).returning(RuleImport.id)
    return len(session.scalars(removed).all())


def _format_of(filename: str) -> ImportFormat:
    ending = filename.lower().rpartition(".")[2]
    if ending in ("yaml", "yml"):
        return ImportFormat.YAML
    if ending == "xlsx":
        return ImportFormat.EXCEL
    # told apart from other formats, since the remedy is one click in Excel
    if ending in ("xlsm", "xltm", "xlsb"):
        raise Invalid(field="file", problem="不接受含宏的文件，请另存为 .xlsx。")
    raise Invalid(field="file", problem="请上传 .xlsx 或 .yaml 文件。")


def _empty_report() -> dict[str, Any]:
    # all of it is reset, so that no figure of an earlier check remains
    counts = dict.fromkeys(("total", "added", "changed", "unchanged", "invalid"), 0)
    return {**counts, "problems": [], "preview": [], "note": ""}


def _audit(action: RuleImportAction, row: RuleImport) -> None:
    audit.record(
        action,
        owner=row,
        object_id=row.id,
        label=row.filename,
        after={
            "sha256": row.sha256,
            "added": row.added,
            "changed": row.changed,
            "submits": row.submits,
        },
    )
