"""The catalogue: guides, the descriptions of what a citizen can get done.

    Department 1 ──< n Guide      active ── withdraw ──> withdrawn

`body` holds what a guide says (conditions, materials, steps, days, fee, place …) as plain JSON;
what others search by stands in columns of its own. `cards` is the short list that the dialogue
suggests from. Other rooms learn of a change by the revision `guides`.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit, cache_versions
from config.database import Base, session
from config.errors import Invalid, NotFound

CACHE_KEY = "guides"

_MAX_SLUG_LENGTH, _MAX_NAME_LENGTH = 64, 100


class GuideState(StrEnum):
    """Whether citizens are shown the guide."""

    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


class Guide(Base):
    """One thing a citizen can get done. `code` is the stable id it was loaded with."""

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
    """What somebody wants a guide to say."""

    slug: str
    department_id: int
    name: str
    body: dict[str, Any] = field(default_factory=dict)
    keywords: list[str] = field(default_factory=list)
    state: GuideState = GuideState.ACTIVE
    review_by: date | None = None

    def validate(self) -> None:
        """Raises Invalid naming the first wrong field."""
        if not self.slug.strip() or len(self.slug) > _MAX_SLUG_LENGTH:
            raise Invalid(field="id", problem=f"不能为空，最长 {_MAX_SLUG_LENGTH} 个字符")
        if not self.name.strip() or len(self.name) > _MAX_NAME_LENGTH:
            raise Invalid(field="name", problem=f"不能为空，最长 {_MAX_NAME_LENGTH} 个字符")


@dataclass(frozen=True, slots=True)
class GuideCard:
    """A guide as the dialogue suggests it."""

    slug: str
    name: str
    department_id: int
    keywords: tuple[str, ...]


def upsert(spec: GuideSpec, *, now: datetime) -> Guide:
    """Make the guide of this code say what the draft says; the same again changes nothing.

    Raises Invalid.
    """
    spec.validate()
    guide = session.scalars(select(Guide).where(Guide.slug == spec.slug)).one_or_none()
    before = None if guide is None else _audit_values(guide)
    if guide is None:
        guide = Guide(slug=spec.slug, created_at=now)
        session.add(guide)
    for name, value in vars(spec).items():
        if getattr(guide, name) != value:
            setattr(guide, name, value)
    if _audit_values(guide) != before:
        _record_change(guide, before)
    return guide


def get(slug: str) -> Guide:
    """The guide of this code. Raises NotFound."""
    guide = session.scalars(select(Guide).where(Guide.slug == slug)).one_or_none()
    if guide is None:
        raise NotFound(kind="guide", code=slug)
    return guide


def list_all() -> list[Guide]:
    """All guides, withdrawn ones too, by code."""
    return list(session.scalars(select(Guide).order_by(Guide.slug)))


def list_cards() -> tuple[GuideCard, ...]:
    """The guides that citizens are shown, by code."""
    rows = session.execute(
        select(Guide.slug, Guide.name, Guide.department_id, Guide.keywords)
        .where(Guide.state == GuideState.ACTIVE)
        .order_by(Guide.slug)
    )
    return tuple(GuideCard(code, name, owner, tuple(words)) for code, name, owner, words in rows)


def _audit_values(guide: Guide) -> dict[str, Any]:
    return {
        "department_id": guide.department_id,
        "name": guide.name,
        "body": guide.body,
        "keywords": guide.keywords,
        "state": guide.state and guide.state.value,
        "review_by": guide.review_by and guide.review_by.isoformat(),
    }


def _record_change(guide: Guide, before: dict[str, Any] | None) -> None:
    session.flush()  # the audit row needs the id
    audit.record(
        "guide.save",
        kind="guide",
        object_id=guide.id,
        label=guide.name,
        department_id=guide.department_id,
        before=before,
        after=_audit_values(guide),
    )
    cache_versions.invalidate(CACHE_KEY)
