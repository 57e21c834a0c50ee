"""Articles: a draft is kept once, and a reprint names its source."""

from datetime import datetime

import pytest
from sqlalchemy import func, select

from config import audit
from config.database import session
from config.errors import Invalid
from matrix import articles, departments
from matrix.articles import ArticleLevel, ArticleSpec, ArticleState


@pytest.fixture
def owner(rolled_back: None, now: datetime) -> int:
    """The id of a department."""
    return departments.create(slug="water", name="水务局", kind="", now=now).id


def audited() -> int:
    kept = audit.AuditEntry.object_kind == "article"
    return session.scalar(select(func.count()).select_from(audit.AuditEntry).where(kept)) or 0


def test_an_article_is_kept_as_a_draft_and_the_same_again_changes_nothing(
    owner: int, now: datetime
) -> None:
    draft = ArticleSpec(
        "art-1", owner, "停水通知", "周三停水。", level=ArticleLevel.IMPORTANT, tags=["停水"]
    )
    article = articles.save(draft, now=now)
    articles.save(draft, now=now)
    assert article.state is ArticleState.DRAFT
    assert articles.list_all() == [article]
    assert audited() == 1

    articles.save(ArticleSpec("art-1", owner, "停水通知", "改到周四。"), now=now)
    assert article.body_markdown == "改到周四。"
    assert audited() == 2


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"code": ""}, "id"),
        ({"title": "长" * 65}, "title"),
        ({"digest": "长" * 121}, "digest"),
        ({"original": False}, "source"),
        ({"source_url": "javascript:alert(1)"}, "source_url"),
    ],
)
def test_a_wrong_article_is_refused_by_its_field(
    owner: int, now: datetime, said: dict[str, object], field: str
) -> None:
    usual = {"code": "art-1", "department_id": owner, "title": "标题", "body_markdown": "正文"}
    with pytest.raises(Invalid) as refused:
        articles.save(ArticleSpec(**{**usual, **said}), now=now)  # type: ignore[arg-type]  # a mix of types
    assert refused.value.field == field
    assert articles.list_all() == []
