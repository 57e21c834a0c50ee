"""Catalogue of guides: descriptions of what a citizen can get done, and how.

    Department 1 ──< n Guide      active ── withdraw ──> withdrawn

`body` holds conditions, materials, steps, days, fee, place and so on as plain JSON; what is
searched has a column of its own. `list_cards` is the short form that the dialogue suggests guides
from, `list_facts` what it answers follow-up questions with. Other packages learn of a change by
the cache version `guides`.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, cache_versions
from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, session
from config.errors import Invalid, NotFound

CACHE_KEY = "guides"

# a slug stands in links and file names, a name on one line of a phone and in a suggestion
_MAX_SLUG_LENGTH, _MAX_NAME_LENGTH = 64, 100


class GuideAction(AuditAction, kind=ObjectKind("guide", "办事指南")):
    """What is recorded about guides."""

    SAVE = "guide.save", "保存办事指南"


class GuideState(StrEnum):
    """Whether the guide is shown to citizens."""

    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


class Guide(Base):
    """A guide. `slug` is its stable id in YAML files and links; `review_by` is the day by which the
    department must confirm that the text still holds.
    """

    __tablename__ = "guides"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    name: Mapped[str]
    body: Mapped[dict[str, Any]]
    keywords: Mapped[list[Any]]
    state: Mapped[GuideState]
    review_by: Mapped[date | None]
    created_at: Mapped[datetime]


@dataclass(frozen=True)
class GuideSpec:
    """The wanted content of a guide; the fields are those of the table."""

    slug: str
    department_id: int
    name: str
    body: dict[str, Any] = field(default_factory=dict)
    keywords: list[str] = field(default_factory=list)
    state: GuideState = GuideState.ACTIVE
    review_by: date | None = None

    def validate(self) -> None:
        """Raises Invalid, which names the first wrong field as the YAML file calls it."""
        if not self.slug.strip() or len(self.slug) > _MAX_SLUG_LENGTH:
            raise Invalid(field="id", problem=f"不能为空，最长 {_MAX_SLUG_LENGTH} 个字符")
        if not self.name.strip() or len(self.name) > _MAX_NAME_LENGTH:
            raise Invalid(field="name", problem=f"不能为空，最长 {_MAX_NAME_LENGTH} 个字符")


@dataclass(frozen=True, slots=True)
class GuideCard:
    """A guide in the form that processes keep in memory and the dialogue suggests from."""

    slug: str
    name: str
    department_id: int
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GuideFacts:
    """What citizens ask next about a guide, as short texts; empty where the guide does not say."""

    slug: str
    name: str
    department_id: int
    fee: str = ""
    place: str = ""
    phone: str = ""
    hours: str = ""
    materials: str = ""
    duration: str = ""

    @classmethod
    def of(cls, guide: Guide) -> "GuideFacts":
        """The facts in a guide's body."""
        body = guide.body
        materials = [str(each.get("name", "")) for each in body.get("materials", ())]
        return cls(
            slug=guide.slug,
            name=guide.name,
            department_id=guide.department_id,
            fee=_fee_text(body.get("fee", {})),
            place=str(body.get("place", "")),
            phone=str(body.get("phone", "")),
            hours=str(body.get("hours", "")),
            materials="、".join(filter(None, materials)),
            # 0 is a day as well: what is done while the citizen waits
            duration=_days_text(body.get("promised_days")),
        )


def _fee_text(fee: dict[str, Any]) -> str:
    if fee.get("desc"):
        return str(fee["desc"])
    return "" if "charge" not in fee else "收费，以窗口公示为准" if fee["charge"] else "免费"


def _days_text(days: object) -> str:
    if not isinstance(days, int):
        return ""
    return f"{days} 个工作日" if days else "当场办结"


def upsert(spec: GuideSpec, *, now: datetime) -> Guide:
    """Create or update the guide of this slug; equal content changes nothing. Raises Invalid."""
    spec.validate()
    guide = session.scalars(select(Guide).where(Guide.slug == spec.slug)).one_or_none()
    before = None if guide is None else _audit_values(guide)
    if guide is None:
        guide = Guide(slug=spec.slug, created_at=now)
        session.add(guide)
    # only what differs, so that an equal value makes no UPDATE
    for name, value in vars(spec).items():
        if getattr(guide, name) != value:
            setattr(guide, name, value)
    # loading the same file again must leave no audit entry and no stale caches
    if _audit_values(guide) != before:
        _record_change(guide, before)
    return guide


def get(slug: str) -> Guide:
    """The guide of this slug. Raises NotFound."""
    guide = session.scalars(select(Guide).where(Guide.slug == slug)).one_or_none()
    if guide is None:
        raise NotFound(kind="guide", slug=slug)
    return guide


def list_all() -> list[Guide]:
    """All guides, withdrawn ones too, ordered by slug."""
    return list(session.scalars(select(Guide).order_by(Guide.slug)))


def list_cards() -> tuple[GuideCard, ...]:
    """The active guides, ordered by slug."""
    rows = session.execute(
        select(Guide.slug, Guide.name, Guide.department_id, Guide.keywords)
        .where(Guide.state == GuideState.ACTIVE)
        .order_by(Guide.slug)
    )
    # columns instead of Guide rows: `body` is large and not needed here
    return tuple(GuideCard(slug, name, owner, tuple(words)) for slug, name, owner, words in rows)


def list_facts() -> dict[str, GuideFacts]:
    """The facts of the active guides, by slug."""
    rows = session.scalars(select(Guide).where(Guide.state == GuideState.ACTIVE))
    return {row.slug: GuideFacts.of(row) for row in rows}


def _audit_values(guide: Guide) -> dict[str, object]:
    return {
        "department_id": guide.department_id,
        "name": guide.name,
        "body": guide.body,
        "keywords": guide.keywords,
        "state": guide.state and guide.state.value,
        "review_by": guide.review_by and guide.review_by.isoformat(),
    }


def _record_change(guide: Guide, before: dict[str, object] | None) -> None:
    session.flush()  # the audit row needs the id
    audit.record(
        GuideAction.SAVE,
        owner=guide,
        object_id=guide.id,
        label=guide.name,
        before=before,
        after=_audit_values(guide),
    )
    # in the transaction of the change, like its audit row: neither exists without it
    cache_versions.invalidate(CACHE_KEY)
