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
from config.database import Base, change, session
from config.errors import DomainError, Invalid, NotFound
from config.tenancy import Member, Right

CHECK = "imports.check"
APPLY = "imports.apply"
LARGEST_FILE = 5 * 2**20
LONGEST_NAME = 200
# a longer list is nobody's reading
MOST_PROBLEMS = 500
_KIND = "import"


class ImportMoved(DomainError):
    """The import is not where this step begins: it was confirmed already, or given up."""

    text = "这次导入已经处理过了，请刷新页面。"


class Format(StrEnum):
    """How the file is written."""

    EXCEL = "xlsx"
    YAML = "yaml"


class State(StrEnum):
    """How far an import has come."""

    CHECKING = "checking"
    CHECKED = "checked"
    REFUSED = "refused"
    APPLYING = "applying"
    DONE = "done"
    DISCARDED = "discarded"


RUNNING = (State.CHECKING, State.APPLYING)


class RuleImport(Base):
    """One file. `problems` are rows {at, field, problem}; `note` is a word for the whole file."""

    __tablename__ = "rule_imports"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    staff_name: Mapped[str]
    filename: Mapped[str]
    format: Mapped[Format]
    sha256: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    state: Mapped[State]
    basis: Mapped[str]
    submits: Mapped[bool]
    total: Mapped[int]
    fresh: Mapped[int]
    changed: Mapped[int]
    same: Mapped[int]
    wrong: Mapped[int]
    problems: Mapped[list[Any]]
    preview: Mapped[list[Any]]
    note: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def is_running(self) -> bool:
        """Whether a job is at it."""
        return self.state in RUNNING

    @property
    def would_change(self) -> int:
        """How many rules the file would make or change."""
        return self.fresh + self.changed


def upload(filename: str, body: bytes, *, by: Member, now: datetime) -> RuleImport:
    """Take a file in and have it checked. Raises Invalid."""
    format_ = _format_of(filename)
    if not body:
        raise Invalid(field="file", problem="文件是空的。")
    if len(body) > LARGEST_FILE:
        raise Invalid(
            field="file", problem=f"文件超过 {LARGEST_FILE // 2**20} MB，请分成几个文件。"
        )
    row = RuleImport(
        staff_id=by.staff_id,
        staff_name=by.name,
        filename=filename[-LONGEST_NAME:],
        format=format_,
        sha256=hashlib.sha256(body).hexdigest(),
        content=body,
        state=State.CHECKING,
        basis="",
        submits=False,
        **_nothing_told(),
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()  # the job and the audit row need the id
    _tell("rule_import.upload", row)
    jobs.enqueue(CHECK, key=f"{CHECK}:{row.id}", import_id=row.id)
    return row


def access_import(member: Member, import_id: int) -> RuleImport:
    """An import of the member's own. Raises NotFound."""
    row = session.get(RuleImport, import_id, populate_existing=True)
    if row is None or row.staff_id != member.staff_id:
        raise NotFound(kind=_KIND, id=import_id)
    member.require_anywhere(Right.RULES_WRITE)
    return row


def imports_for_staff(member: Member, *, at_most: int = 20) -> list[RuleImport]:
    """The member's own imports, the newest first."""
    rows = select(RuleImport).where(RuleImport.staff_id == member.staff_id)
    return list(session.scalars(rows.order_by(RuleImport.id.desc()).limit(at_most)))


def content_of(import_id: int) -> bytes:
    """The file as it was uploaded; empty when it is gone."""
    found = session.scalar(select(RuleImport.content).where(RuleImport.id == import_id))
    return found or b""


def checked(import_id: int, *, now: datetime, **told: Any) -> None:
    """Write down what checking found: `basis`, counts, problems and preview."""
    state = State.REFUSED if told.get("wrong") or told.get("note") else State.CHECKED
    gone = {"content": b""} if state is State.REFUSED else {}
    change(
        RuleImport,
        import_id,
        when={"state": RUNNING},
        to={**_nothing_told(), **told, **gone, "state": state, "updated_at": now},
    )


def confirm(import_id: int, *, submits: bool, now: datetime) -> RuleImport:
    """Let the job apply it, as drafts or straight to review. Raises ImportMoved."""
    row = change(
        RuleImport,
        import_id,
        when={"state": State.CHECKED},
        to={"state": State.APPLYING, "submits": submits, "note": "", "updated_at": now},
    )
    if row is None:
        raise ImportMoved(id=import_id)
    jobs.enqueue(APPLY, key=f"{APPLY}:{row.id}", import_id=row.id)
    return row


def discard(import_id: int, *, now: datetime) -> RuleImport:
    """Give an import up that was not applied. Raises ImportMoved."""
    row = change(
        RuleImport,
        import_id,
        when={"state": State.CHECKED},
        to={"state": State.DISCARDED, "content": b"", "updated_at": now},
    )
    if row is None:
        raise ImportMoved(id=import_id)
    return row


def ask_again(import_id: int, note: str, *, now: datetime, **told: Any) -> None:
    """Go back to the preview, made anew: the rules have moved since it was shown."""
    change(
        RuleImport,
        import_id,
        when={"state": State.APPLYING},
        to={**told, "state": State.CHECKED, "note": note, "updated_at": now},
    )


def applied(import_id: int, *, now: datetime) -> bool:
    """Say, in the transaction of the changes, that they were made; False when they were before."""
    row = change(
        RuleImport,
        import_id,
        when={"state": State.APPLYING},
        to={"state": State.DONE, "content": b"", "updated_at": now},
    )
    if row is not None:
        _tell("rule_import.apply", row)
    return row is not None


def forget(*, before: datetime) -> int:
    """Remove imports that nobody was at since an instant. Returns how many."""
    removed = delete(RuleImport).where(RuleImport.updated_at < before).returning(RuleImport.id)
    return len(session.scalars(removed).all())


def _format_of(filename: str) -> Format:
    ending = filename.lower().rpartition(".")[2]
    if ending in ("yaml", "yml"):
        return Format.YAML
    if ending == "xlsx":
        return Format.EXCEL
    if ending in ("xlsm", "xltm", "xlsb"):
        raise Invalid(field="file", problem="不接受含宏的文件，请另存为 .xlsx。")
    raise Invalid(field="file", problem="请上传 .xlsx 或 .yaml 文件。")


def _nothing_told() -> dict[str, Any]:
    counts = dict.fromkeys(("total", "fresh", "changed", "same", "wrong"), 0)
    return {**counts, "problems": [], "preview": [], "note": ""}


def _tell(action: str, row: RuleImport) -> None:
    audit.record(
        action,
        kind=_KIND,
        object_id=row.id,
        label=row.filename,
        after={
            "sha256": row.sha256,
            "fresh": row.fresh,
            "changed": row.changed,
            "submits": row.submits,
        },
    )
