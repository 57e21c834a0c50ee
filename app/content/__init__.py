"""Loading: the content of the city as YAML files, read in and written out.

    departments ─> media ─> accounts ─> guides ─> rules ─> articles

Several files may refer to each other, in whatever order they are named. Everything is known by
its id, so the same files a second time change nothing: no audit row, no new cache version, no
job. What a file does not name stays as it is. The first thing that is wrong raises InvalidFile, and
whoever opened the transaction rolls the rest back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.content import accounts, articles, departments, guides, media, rules, yaml_nodes
from app.content.record import Record
from app.content.yaml_nodes import InvalidFile
from app.references import References

__all__ = ["InvalidFile", "LoadResult", "load"]

VERSION = 1
_SECTIONS = tuple(
    section
    for module in (departments, media, accounts, guides, rules, articles)
    for section in module.SECTIONS
)


@dataclass(frozen=True)
class LoadResult:
    """How many records of each sort the files named, in the words of the person who asked."""

    counts: dict[str, int]

    def __str__(self) -> str:
        return "、".join(f"{word} {count}" for word, count in self.counts.items() if count)


def load(paths: Sequence[Path], *, now: datetime) -> LoadResult:
    """Read all files and make the database say what they say. Raises InvalidFile."""
    # all files are read before the first is written, so that a mistake in the last one is found
    # before the database has done any work
    tops = [_read_file(path) for path in paths]
    # the order in which they refer to each other: accounts name departments, rules name accounts
    # and media. The ids are asked for again once departments are there
    counts = {"单位": departments.load(tops, now=now)}
    department_ids = departments.ids_by_code()
    counts["素材"] = media.load(tops, department_ids, now=now)
    counts["账号"] = accounts.load(tops, department_ids, now=now)
    counts["办事指南"] = guides.load(tops, department_ids, now=now)
    counts["规则"] = rules.load(tops, References.of_city(), now=now)
    counts["文章"] = articles.load(tops, department_ids, now=now)
    return LoadResult(counts)


def _read_file(path: Path) -> Record:
    top = Record(path, yaml_nodes.read_file(path)).allow_only("version", *_SECTIONS)
    # a file without a version is taken for the present one, as people write files by hand; an
    # unknown number comes from a later release, whose fields would be misread
    if top.integer("version", VERSION) != VERSION:
        raise top.error("version", f"只认识版本 {VERSION}")
    return top
