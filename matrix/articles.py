"""Articles: what departments write for their readers.

    Department 1 ──< n Article      draft

A reprint names its source. Review and publishing begin with the draft that stands here.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from config import audit
from config.audit.actions import AuditAction, ObjectKind
from config.database import Base, session
from config.errors import Invalid

_MAX_SLUG_LENGTH, _MAX_TITLE_LENGTH, _MAX_DIGEST_LENGTH = 64, 64, 120


class ArticleAction(AuditAction, kind=ObjectKind("article", "文章")):
    """What is recorded about articles."""

    SAVE = "article.save", "保存文章"


class ArticleLevel(StrEnum):
    """How weighty an article is: 一般, 重要, 重大. Weightier ones are reviewed by more people."""

    ORDINARY = "ordinary"
    IMPORTANT = "important"
    MAJOR = "major"


class ArticleState(StrEnum):
    """Where an article stands."""

    DRAFT = "draft"


class Article(Base):
    """One article. `slug` is the stable id it was loaded with."""

    __tablename__ = "articles"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    title: Mapped[str]
    category: Mapped[str]
    level: Mapped[ArticleLevel]
    original: Mapped[bool]
    author: Mapped[str]
    digest: Mapped[str]
    source: Mapped[str]
    source_url: Mapped[str]
    tags: Mapped[list[Any]]
    body_markdown: Mapped[str] = mapped_column(Text)
    state: Mapped[ArticleState] = mapped_column(default=ArticleState.DRAFT)
    created_at: Mapped[datetime]


@dataclass(frozen=True)
class ArticleSpec:
    """What somebody wrote."""

    slug: str
    department_id: int
    title: str
    body_markdown: str
    level: ArticleLevel = ArticleLevel.ORDINARY
    original: bool = True
    category: str = ""
    author: str = ""
    digest: str = ""
    source: str = ""
    source_url: str = ""
    tags: list[str] = field(default_factory=list)

    def validate(self) -> None:
        """Raises Invalid naming the first wrong field."""
        if not self.slug.strip() or len(self.slug) > _MAX_SLUG_LENGTH:
            raise Invalid(field="id", problem=f"不能为空，最长 {_MAX_SLUG_LENGTH} 个字符")
        if not self.title.strip() or len(self.title) > _MAX_TITLE_LENGTH:
            raise Invalid(field="title", problem=f"不能为空，最长 {_MAX_TITLE_LENGTH} 个字符")
        if len(self.digest) > _MAX_DIGEST_LENGTH:
            raise Invalid(field="digest", problem=f"最长 {_MAX_DIGEST_LENGTH} 个字符")
        if not self.original and not self.source.strip():
            raise Invalid(field="source", problem="转载应写明来源")
        if self.source_url and not self.source_url.startswith(("http://", "https://")):
            raise Invalid(field="source_url", problem="应以 http:// 或 https:// 开头")


def save(spec: ArticleSpec, *, now: datetime) -> Article:
    """Create or update the article of this slug; equal content changes nothing.

    Raises Invalid.
    """
    spec.validate()
    article = session.scalars(select(Article).where(Article.slug == spec.slug)).one_or_none()
    before = None if article is None else _audit_facts(article)
    if article is None:
        article = Article(slug=spec.slug, created_at=now)
        session.add(article)
    for name, value in vars(spec).items():
        if getattr(article, name) != value:
            setattr(article, name, value)
    # loading the same file again must leave no audit entry
    if _audit_facts(article) != before:
        _record_change(article, before)
    return article


def list_all() -> list[Article]:
    """All articles, ordered by slug."""
    return list(session.scalars(select(Article).order_by(Article.slug)))


def _audit_facts(article: Article) -> dict[str, object]:
    return {
        name: getattr(article, name) for name in ArticleSpec.__dataclass_fields__ if name != "slug"
    }


def _record_change(article: Article, before: dict[str, object] | None) -> None:
    session.flush()  # the audit row needs the id
    audit.record(
        ArticleAction.SAVE,
        owner=article,
        object_id=article.id,
        label=article.title,
        before=before,
        after=_audit_facts(article),
    )
