"""Articles in files: `articles`; each is loaded as a draft, whatever became of it elsewhere."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.loading.accounts import owner
from app.loading.fields import Record, unique
from matrix import articles
from matrix.articles import Article, Draft, Level

SECTIONS = ("articles",)

_LEVELS = {"一般": Level.ORDINARY, "重要": Level.IMPORTANT, "重大": Level.MAJOR}
_STATUSES = {"草稿": "draft"}
_TEXTS = ("category", "author", "digest", "source", "source_url")
_FIELDS = ("id", "department", "title", "level", "original", "tags", "body_markdown", "status")
_LONGEST_BODY = 100_000


def load(tops: Sequence[Record], departments: dict[str, int], *, now: datetime) -> int:
    """Write the articles. Returns how many the files name."""
    records = unique(record for top in tops for record in top.rows("articles"))
    for code, record in records.items():
        record.allow(*_FIELDS, *_TEXTS)
        record.choice("status", _STATUSES, "草稿")
        draft = Draft(
            code=code,
            department_id=owner(record, departments),
            title=record.text("title"),
            body_markdown=record.text("body_markdown", longest=_LONGEST_BODY),
            level=record.choice("level", _LEVELS, "一般"),
            original=record.flag("original", True),
            tags=record.texts("tags"),
            **{name: record.text(name, "") for name in _TEXTS},
        )
        with record.blamed():
            articles.put(draft, now=now)
    return len(records)


def dump(departments: dict[int, str]) -> dict[str, Any]:
    """All articles, in the shape that `load` reads."""
    listed = [_shape(article, departments) for article in articles.everything()]
    return {"articles": listed} if listed else {}


def _shape(article: Article, departments: dict[int, str]) -> dict[str, Any]:
    words = {level: word for word, level in _LEVELS.items()}
    shape: dict[str, Any] = {
        "id": article.code,
        "department": departments[article.department_id],
        "title": article.title,
        "level": words[article.level],
        "original": article.original,
    }
    shape |= {name: getattr(article, name) for name in _TEXTS if getattr(article, name)}
    if article.tags:
        shape["tags"] = article.tags
    shape["body_markdown"] = article.body_markdown
    return shape
