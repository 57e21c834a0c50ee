"""Loading: the content of the city as YAML files, read in and written out.

    departments ─> media ─> accounts ─> guides ─> rules ─> articles

Several files may speak of each other, in whatever order they are named. Everything is known by
its id, so the same files a second time change nothing: no audit row, no revision, no job. What a
file does not name stays as it is. The first thing that is wrong raises WrongFile, and the edge
that opened the transaction undoes the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.loading import accounts, articles, departments, documents, guides, media, rules
from app.loading.documents import WrongFile
from app.loading.fields import Record

__all__ = ["Loaded", "WrongFile", "load"]

VERSION = 1
_SECTIONS = tuple(
    section
    for module in (departments, media, accounts, guides, rules, articles)
    for section in module.SECTIONS
)


@dataclass(frozen=True)
class Loaded:
    """How many records of each sort the files named, in the words of the person who asked."""

    counts: dict[str, int]

    def __str__(self) -> str:
        return "、".join(f"{word} {count}" for word, count in self.counts.items() if count)


def load(paths: Sequence[Path], *, now: datetime) -> Loaded:
    """Read all files and make the database say what they say. Raises WrongFile."""
    tops = [_top(path) for path in paths]
    counts = {"单位": departments.load(tops, now=now)}
    owners = departments.ids()
    counts["素材"] = media.load(tops, owners, now=now)
    counts["账号"] = accounts.load(tops, owners, now=now)
    counts["办事指南"] = guides.load(tops, owners, now=now)
    counts["规则"] = rules.load(tops, rules.Known.now(), now=now)
    counts["文章"] = articles.load(tops, owners, now=now)
    return Loaded(counts)


def _top(path: Path) -> Record:
    top = Record(path, documents.read(path)).allow("version", *_SECTIONS)
    if top.integer("version", VERSION) != VERSION:
        raise top.wrong("version", f"只认识版本 {VERSION}")
    return top
