"""Imports: files of rules that staff brought in, from the upload to the drafts they became.

    upload ──> checking ──> checked ── confirm ──> applying ──> done
                   └──> refused      └── discard ──> discarded

The file is kept until the import has ended. Checking tells what would be new, changed and the
same, or all that is wrong; `basis` is the state of the rules it was told for. Applying looks
again: when the rules have moved meanwhile, the import goes back to `checked` and asks anew.
"""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, jobs
from config.database import Base, compare_and_set, session
from config.errors import DomainError, Invalid, NotFound
from config.permissions import Permission, Principal

CHECK_JOB = "rule_imports.check"
APPLY_JOB = "rule_imports.apply"
MAX_FILE_BYTES = 5 * 2**20
MAX_FILENAME_LENGTH = 200
# a longer list is nobody's reading
MAX_PROBLEMS = 500
_KIND = "rule_import"


class ImportAlreadyHandled(DomainError):
    """The import is not where this step begins: it was confirmed already, or given up."""

    text = "这次导入已经处理过了，请刷新页面。"


class ImportFormat(StrEnum):
    """How the file is written."""

    EXCEL = "xlsx"
    YAML = "yaml"


class ImportState(StrEnum):
    """How far an import has come."""

    CHECKING = "checking"
    CHECKED = "checked"
    REFUSED = "refused"
    APPLYING = "applying"
    DONE = "done"
    DISCARDED = "discarded"


RUNNING_STATES = (ImportState.CHECKING, ImportState.APPLYING)


class RuleImport(Base):
    """One file. `problems` are rows {at, field, problem}; `note` is a word for the whole file."""

    __tablename__ = "rule_imports"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    staff_name: Mapped[str]
    filename: Mapped[str]
    format: Mapped[ImportFormat]
    sha256: Mapped[str]
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
        """Whether a job is at it."""
        return self.state in RUNNING_STATES

    @property
    def change_count(self) -> int:
        """How many rules the file would make or change."""
        return self.added + self.changed


def upload(filename: str, body: bytes, *, by: Principal, now: datetime) -> RuleImport:
    """Take a file in and have it checked. Raises Invalid."""
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
    _audit("rule_import.upload", row)
    jobs.enqueue(CHECK_JOB, key=f"{CHECK_JOB}:{row.id}", import_id=row.id)
    return row


def access_import(member: Principal, import_id: int) -> RuleImport:
    """An import of the member's own. Raises NotFound."""
    row = session.get(RuleImport, import_id, populate_existing=True)
    if row is None or row.staff_id != member.staff_id:
        raise NotFound(kind=_KIND, id=import_id)
    member.require_anywhere(Permission.RULES_WRITE)
    return row


def list_for_staff(member: Principal, *, limit: int = 20) -> list[RuleImport]:
    """The member's own imports, the newest first."""
    rows = select(RuleImport).where(RuleImport.staff_id == member.staff_id)
    return list(session.scalars(rows.order_by(RuleImport.id.desc()).limit(limit)))


def read_content(import_id: int) -> bytes:
    """The file as it was uploaded; empty when it is gone."""
    found = session.scalar(select(RuleImport.content).where(RuleImport.id == import_id))
    return found or b""


def record_check(import_id: int, *, now: datetime, **report: Any) -> None:
    """Write down what checking found: `basis`, counts, problems and preview."""
    state = (
        ImportState.REFUSED if report.get("invalid") or report.get("note") else ImportState.CHECKED
    )
    cleared = {"content": b""} if state is ImportState.REFUSED else {}
    compare_and_set(
        RuleImport,
        import_id,
        when={"state": RUNNING_STATES},
        to={**_empty_report(), **report, **cleared, "state": state, "updated_at": now},
    )


def confirm(import_id: int, *, submits: bool, now: datetime) -> RuleImport:
    """Let the job apply it, as drafts or straight to review. Raises ImportMoved."""
    row = compare_and_set(
        RuleImport,
        import_id,
        when={"state": ImportState.CHECKED},
        to={"state": ImportState.APPLYING, "submits": submits, "note": "", "updated_at": now},
    )
    if row is None:
        raise ImportAlreadyHandled(id=import_id)
    jobs.enqueue(APPLY_JOB, key=f"{APPLY_JOB}:{row.id}", import_id=row.id)
    return row


def discard(import_id: int, *, now: datetime) -> RuleImport:
    """Give an import up that was not applied. Raises ImportMoved."""
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
    """Go back to the preview, made anew: the rules have moved since it was shown."""
    compare_and_set(
        RuleImport,
        import_id,
        when={"state": ImportState.APPLYING},
        to={**report, "state": ImportState.CHECKED, "note": note, "updated_at": now},
    )


def mark_applied(import_id: int, *, now: datetime) -> bool:
    """Say, in the transaction of the changes, that they were made; False when they were before."""
    row = compare_and_set(
        RuleImport,
        import_id,
        when={"state": ImportState.APPLYING},
        to={"state": ImportState.DONE, "content": b"", "updated_at": now},
    )
    if row is not None:
        _audit("rule_import.apply", row)
    return row is not None


def delete_older_than(*, before: datetime) -> int:
    """Remove imports that nobody was at since an instant. Returns how many."""
    removed = delete(RuleImport).where(RuleImport.updated_at < before).returning(RuleImport.id)
    return len(session.scalars(removed).all())


def _format_of(filename: str) -> ImportFormat:
    ending = filename.lower().rpartition(".")[2]
    if ending in ("yaml", "yml"):
        return ImportFormat.YAML
    if ending == "xlsx":
        return ImportFormat.EXCEL
    if ending in ("xlsm", "xltm", "xlsb"):
        raise Invalid(field="file", problem="不接受含宏的文件，请另存为 .xlsx。")
    raise Invalid(field="file", problem="请上传 .xlsx 或 .yaml 文件。")


def _empty_report() -> dict[str, Any]:
    counts = dict.fromkeys(("total", "added", "changed", "unchanged", "invalid"), 0)
    return {**counts, "problems": [], "preview": [], "note": ""}


def _audit(action: str, row: RuleImport) -> None:
    audit.record(
        action,
        kind=_KIND,
        object_id=row.id,
        label=row.filename,
        after={
            "sha256": row.sha256,
            "added": row.added,
            "changed": row.changed,
            "submits": row.submits,
        },
    )
