"""The versions of a rule: numbered, published ones and those on their way.

    RuleRow 1 ──< n RuleVersion   draft ─> submitted ─> published ─> superseded
                                    └────────┴──> rejected, withdrawn, superseded

Citizens get what the rule's own row says; versions are its history and what is proposed for it.
At most one version of a rule is open (draft or submitted) and at most one is published, which two
partial unique indexes guarantee. `lock_version` grows with every change of any version of the
rule, so comparing it with the newest version's tells whether somebody changed the rule since it
was read. The steps between states are in `publishing.workflow`.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, session
from config.errors import NotFound
from keywords.rules.spec import RuleSpec


class RuleAction(AuditAction, kind=ObjectKind("rule", "关键词规则")):
    """What is recorded about rules."""

    CREATE = "rule.create", "新建关键词规则"
    UPDATE = "rule.update", "修改关键词规则"
    SET_STATE = "rule.set_state", "启用或停用关键词规则"
    DELETE = "rule.delete", "删除关键词规则"


class RuleVersionAction(AuditAction, kind=RuleAction.kind):
    """What is recorded about versions."""

    SAVE = "rule_version.save", "保存规则草稿"
    SUBMIT = "rule_version.submit", "提交规则审核"
    WITHDRAW = "rule_version.withdraw", "撤回规则审核"
    REJECT = "rule_version.reject", "退回规则"
    PUBLISH = "rule_version.publish", "发布规则"


class VersionState(StrEnum):
    """How far a version has come."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    PUBLISHED = "published"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


OPEN_STATES = (VersionState.DRAFT, VersionState.SUBMITTED)
_OPEN = text("state IN ('draft', 'submitted')")
_PUBLISHED = text("state = 'published'")


class RuleVersion(Base):
    """One version of a rule.

    `content` is the spec as JSON, `sha256` its hash together with its owner (see `VersionSpec`).
    `contributor_ids` are all staff who wrote on it since the version that was live then: none of
    them may review it. An author of None is the `load` command or the import of an account's
    replies from WeChat.
    """

    __tablename__ = "rule_versions"
    __table_args__ = (
        UniqueConstraint("rule_id", "number"),
        # partial indexes, because any number of versions may be superseded or rejected
        Index(
            "uq_rule_versions_open",
            "rule_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index(
            "uq_rule_versions_published",
            "rule_id",
            unique=True,
            sqlite_where=_PUBLISHED,
            postgresql_where=_PUBLISHED,
        ),
        CheckConstraint(
            "reviewer_id <> author_id AND reviewer_id <> submitter_id", name="four_eyes"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rule_id: Mapped[int] = mapped_column(ForeignKey("rules.id", ondelete="CASCADE"))
    number: Mapped[int]
    lock_version: Mapped[int] = mapped_column()
    state: Mapped[VersionState] = mapped_column(index=True)
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    content: Mapped[dict[str, object]]
    sha256: Mapped[str]
    author_id: Mapped[int | None]
    contributor_ids: Mapped[list[int]]
    submitter_id: Mapped[int | None]
    reviewer_id: Mapped[int | None]
    comment: Mapped[str]
    created_at: Mapped[datetime]
    saved_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]

    # Counted up by hand, because a version goes on from the number of the version before, where
    # SQLAlchemy would begin with 1. The flush compares it all the same.
    __mapper_args__ = {"version_id_col": lock_version, "version_id_generator": False}  # noqa: RUF012

    @property
    def spec(self) -> RuleSpec:
        """The content as a spec."""
        return RuleSpec.parse(self.content, is_owned=True)

    @property
    def is_open(self) -> bool:
        """Whether the version is a draft or submitted."""
        return self.state in OPEN_STATES


@dataclass(frozen=True)
class VersionSpec:
    """The wanted content of a rule, and its wanted owner; neither id means the whole city."""

    spec: RuleSpec
    department_id: int | None
    account_id: int | None

    @property
    def sha256(self) -> str:
        """Hash of content and owner; a review decision is bound to it.

        Whoever approves sends the hash of what was on the page, so a change made meanwhile is
        never published by that decision.
        """
        # sorted keys: the hash must not depend on the order in which fields were set
        written = json.dumps(
            self._content() | self._owner_columns(), ensure_ascii=False, sort_keys=True
        )
        return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()

    def columns(self) -> dict[str, object]:
        """The columns of a `RuleVersion` that hold content, hash and owner."""
        return {"content": self._content(), "sha256": self.sha256, **self._owner_columns()}

    def _content(self) -> dict[str, object]:
        return self.spec.content()

    def _owner_columns(self) -> dict[str, int | None]:
        return {"department_id": self.department_id, "account_id": self.account_id}


def get(version_id: int) -> RuleVersion:
    """The version of this id. Raises NotFound."""
    found = session.get(RuleVersion, version_id)
    if found is None:
        raise NotFound(kind="rule version", id=version_id)
    return found


def get_by_number(rule_id: int, number: int) -> RuleVersion:
    """The version of this number. Raises NotFound."""
    query = select(RuleVersion).filter_by(rule_id=rule_id, number=number)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound(kind="rule version", id=rule_id, number=number)
    return found


def find_newest(rule_id: int) -> RuleVersion | None:
    """The version with the highest number, or None; read anew even if it is loaded already."""
    query = select(RuleVersion).where(RuleVersion.rule_id == rule_id)
    return session.scalars(
        query.order_by(RuleVersion.number.desc()).limit(1),
        execution_options={"populate_existing": True},
    ).one_or_none()


def newest_by_rule(rule_ids: Iterable[int]) -> dict[int, RuleVersion]:
    """The newest version of each of these rules, in one query."""
    query = select(RuleVersion).where(RuleVersion.rule_id.in_(set(rule_ids)))
    found = session.scalars(query.order_by(RuleVersion.rule_id, RuleVersion.number))
    # in the order of numbers, so the newest of each rule is what remains
    return {version.rule_id: version for version in found}


def find_published(rule_id: int) -> RuleVersion | None:
    """The published version, or None. A disabled rule keeps its published version."""
    query = select(RuleVersion).filter_by(rule_id=rule_id, state=VersionState.PUBLISHED)
    return session.scalars(query).one_or_none()


def list_for_rule(rule_id: int) -> Sequence[RuleVersion]:
    """All versions of a rule, the newest first."""
    query = select(RuleVersion).where(RuleVersion.rule_id == rule_id)
    return session.scalars(query.order_by(RuleVersion.number.desc())).all()


def was_ever_published(rule_id: int) -> bool:
    """Whether any version of the rule was ever published."""
    # by the time and not the state, which a published version loses when the next one is published
    query = select(RuleVersion.id).where(
        RuleVersion.rule_id == rule_id, RuleVersion.published_at.is_not(None)
    )
    return session.scalar(query.limit(1)) is not None


def append(
    rule_id: int,
    version_spec: VersionSpec,
    *,
    previous: RuleVersion | None,
    state: VersionState,
    author_id: int | None,
    now: datetime,
) -> RuleVersion:
    """Insert the next version after `previous`, the newest one, and supersede earlier ones.

    A new draft supersedes open versions, a published version also the published one.
    """
    superseded_states = (
        OPEN_STATES if state in OPEN_STATES else (*OPEN_STATES, VersionState.PUBLISHED)
    )
    # before the insert: the partial unique indexes allow one open and one published version
    _supersede(rule_id, *superseded_states)
    earlier_contributors = (
        # a published version starts anew: whoever wrote before may review what comes after
        previous.contributor_ids if previous is not None and previous.published_at is None else []
    )
    contributor_ids = {*earlier_contributors, *([] if author_id is None else [author_id])}
    version = RuleVersion(
        rule_id=rule_id,
        number=previous.number + 1 if previous else 1,
        lock_version=previous.lock_version + 1 if previous else 1,
        state=state,
        author_id=author_id,
        contributor_ids=sorted(contributor_ids),
        comment="",
        created_at=now,
        saved_at=now,
        published_at=now if state is VersionState.PUBLISHED else None,
        **version_spec.columns(),
    )
    session.add(version)
    session.flush()  # callers need the id, and the unique indexes are checked here
    return version


def supersede_published(rule_id: int) -> None:
    """Supersede the published version, before another one is published."""
    _supersede(rule_id, VersionState.PUBLISHED)


def _supersede(rule_id: int, *states: VersionState) -> None:
    session.execute(
        update(RuleVersion)
        .where(RuleVersion.rule_id == rule_id, RuleVersion.state.in_(states))
        .values(state=VersionState.SUPERSEDED)
        # versions in the session must show their new state before they are written again
        .execution_options(synchronize_session="fetch")
    )
