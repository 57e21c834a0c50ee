"""Articles in files: `articles`; each is loaded as a draft, whatever became of it elsewhere."""

from collections.abc import Sequence
from datetime import datetime

from app.content.accounts import department_id_of
from app.content.record import Record, unique_by
from matrix import articles
from matrix.articles import Article, ArticleLevel, ArticleSpec

SECTIONS = ("articles",)

_LEVELS = {
    "一般": ArticleLevel.ORDINARY,
    "重要": ArticleLevel.IMPORTANT,
    "重大": ArticleLevel.MAJOR,
}
# only drafts may be loaded: what is published has to be reviewed first
_STATUSES = {"草稿": "draft"}
_TEXTS = ("category", "author", "digest", "source", "source_url")
_FIELDS = ("id", "department", "title", "level", "original", "tags", "body_markdown", "status")
_MAX_BODY_LENGTH = 100_000


def load(tops: Sequence[Record], departments: dict[str, int], *, now: datetime) -> int:
    """Write the articles. Returns how many the files name."""
    records = unique_by(record for top in tops for record in top.section("articles"))
    for code, record in records.items():
        record.allow_only(*_FIELDS, *_TEXTS)
        record.choice("status", _STATUSES, "草稿")
        spec = ArticleSpec(
            slug=code,
            department_id=department_id_of(record, departments),
            title=record.text("title"),
            body_markdown=record.text("body_markdown", max_length=_MAX_BODY_LENGTH),
            level=record.choice("level", _LEVELS, "一般"),
            original=record.boolean("original", True),
            tags=record.text_list("tags"),
            **{name: record.text(name, "") for name in _TEXTS},
        )
        with record.errors_at():
            articles.save(spec, now=now)
    return len(records)


def dump(departments: dict[int, str]) -> dict[str, object]:
    """All articles, in the shape that `load` reads."""
    listed = [_to_data(article, departments) for article in articles.list_all()]
    return {"articles": listed} if listed else {}


def _to_data(article: Article, departments: dict[int, str]) -> dict[str, object]:
    labels = {level: label for label, level in _LEVELS.items()}
    shape: dict[str, object] = {
        "id": article.slug,
        "department": departments[article.department_id],
        "title": article.title,
        "level": labels[article.level],
        "original": article.original,
    }
    shape |= {name: getattr(article, name) for name in _TEXTS if getattr(article, name)}
    if article.tags:
        shape["tags"] = article.tags
    shape["body_markdown"] = article.body_markdown
    return shape
