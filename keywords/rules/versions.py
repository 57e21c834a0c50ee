"""History: every rule in numbered versions, the published ones and those on their way.

    StoredRule 1 ──< n RuleVersion   draft ─> submitted ─> published ─> superseded
                                       └────────┴──> rejected, withdrawn, superseded

What citizens get is the rule's own row; a version says how that came to be, or what is proposed.
One version of a rule may be open and one published at a time: two unique indexes see to it. The
`stamp` of a version grows with each change of it and over the whole rule, so the stamp of the
newest version tells whether anybody was at the rule since. The deeds are in `versions`.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, session
from config.errors import NotFound
from keywords.rules.spec import RuleSpec


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
    """One version. `writers` are all who wrote on it since the version that was live then.

    An author of None is the `load` command or the adoption of an account.
    """

    __tablename__ = "rule_versions"
    __table_args__ = (
        UniqueConstraint("rule_id", "number"),
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
    lock_version: Mapped[int]
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

    @property
    def spec(self) -> RuleSpec:
        """What the version says."""
        return RuleSpec.read(self.content, is_owned=True)

    @property
    def is_open(self) -> bool:
        """Whether the version waits for somebody to go on with it."""
        return self.state in OPEN_STATES


@dataclass(frozen=True)
class VersionSpec:
    """What somebody wants a rule to be, and whose."""

    spec: RuleSpec
    department_id: int | None
    account_id: int | None

    @property
    def sha256(self) -> str:
        """By which a reviewer's word is bound to what was read."""
        written = json.dumps(
            self._content() | self._owner_columns(), ensure_ascii=False, sort_keys=True
        )
        return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()

    def columns(self) -> dict[str, object]:
        """The columns of a version that say it."""
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
    """The version with the highest number as it is now, or None."""
    query = select(RuleVersion).where(RuleVersion.rule_id == rule_id)
    return session.scalars(
        query.order_by(RuleVersion.number.desc()).limit(1),
        execution_options={"populate_existing": True},
    ).one_or_none()


def newest_by_rule(rule_ids: Iterable[int]) -> dict[int, RuleVersion]:
    """The newest version of each of these rules, in one query."""
    query = select(RuleVersion).where(RuleVersion.rule_id.in_(set(rule_ids)))
    found = session.scalars(query.order_by(RuleVersion.rule_id, RuleVersion.number))
    return {version.rule_id: version for version in found}


def find_published(rule_id: int) -> RuleVersion | None:
    """The version that is in force, or was until the rule was switched off."""
    query = select(RuleVersion).filter_by(rule_id=rule_id, state=VersionState.PUBLISHED)
    return session.scalars(query).one_or_none()


def list_for_rule(rule_id: int) -> Sequence[RuleVersion]:
    """All versions of a rule, the newest first."""
    query = select(RuleVersion).where(RuleVersion.rule_id == rule_id)
    return session.scalars(query.order_by(RuleVersion.number.desc())).all()


def was_ever_published(rule_id: int) -> bool:
    """Whether citizens ever got an answer by this rule."""
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
    """Write the next version down, after the newest; what was open or published gives way."""
    superseded_states = (
        OPEN_STATES if state in OPEN_STATES else (*OPEN_STATES, VersionState.PUBLISHED)
    )
    _supersede(rule_id, *superseded_states)
    earlier_contributors = (
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
    session.flush()  # others need the id, and the unique indexes speak now
    return version


def supersede_published(rule_id: int) -> None:
    """The version in force gives way to the one that comes."""
    _supersede(rule_id, VersionState.PUBLISHED)


def _supersede(rule_id: int, *states: VersionState) -> None:
    session.execute(
        update(RuleVersion)
        .where(RuleVersion.rule_id == rule_id, RuleVersion.state.in_(states))
        .values(state=VersionState.SUPERSEDED)
        .execution_options(synchronize_session="fetch")
    )
