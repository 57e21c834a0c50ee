"""Lines: what a file of rules says, rule by rule, with everything that is wrong on each.

An Excel row is called by its number, a YAML rule by the line it begins on. What is wrong with
the whole file (not Excel, no header, too long) is raised instead.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.exchange import columns, workbooks
from app.exchange.workbooks import Cell, WrongWorkbook
from app.loading import documents
from app.loading.documents import WrongFile
from app.loading.fields import Record
from app.loading.rules import Known, draft_of
from config.errors import Invalid
from keywords import drafts
from keywords.drafts import RuleDraft
from keywords.imports import Format

MOST_LINES = 20_000
_NEEDED = ("编号", "名称", columns.REPLIES[0])
_MOST_OF_ONE = 6
_TOLD_EVERY = 200
_IN_BRACKETS = re.compile(r".*[（(]([A-Za-z0-9_.:-]+)[）)]", re.DOTALL)
_OWNERS = ("department", "account")
# stands for a field that was wrong, so that the others are read as well
_HARMLESS: dict[str, Any] = {
    "name": "-",
    "keywords": ["占位"],
    "replies": [{"type": "text", "content": "-"}],
}
_KEYWORDS = ("keywords", "exact", "together", "patterns")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: in which row or line, in which column or field."""

    at: int
    field: str
    problem: str


@dataclass(slots=True)
class Line:
    """One rule of the file; `draft` is None when something is wrong with it."""

    at: int
    draft: RuleDraft | None = None
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Owners:
    """Codes of departments and appids of accounts by the names people know them by."""

    departments: Mapping[str, str]
    accounts: Mapping[str, str]

    def find(self, kind: str, written: str) -> str:
        """The code that is meant: itself, in brackets behind a name, or of the only such name."""
        by_name = self.departments if kind == "department" else self.accounts
        if written in by_name:
            return by_name[written]
        bracketed = _IN_BRACKETS.fullmatch(written)
        return bracketed[1] if bracketed else written


def read(
    format_: Format,
    body: bytes,
    filename: str,
    known: Known,
    owners: Owners,
    *,
    tell: Callable[[int], None],
) -> list[Line]:
    """All rules of a file. `tell` hears now and then how many were read.

    Raises WrongWorkbook, WrongFile.
    """
    if format_ is Format.YAML:
        return _yaml_lines(body, filename, known)
    lines: list[Line] = []
    rows = workbooks.rows(body)
    titles = _titles(next(rows, (0, []))[1])
    for number, cells in rows:
        if len(lines) == MOST_LINES:
            raise WrongWorkbook(problem=f"超过 {MOST_LINES} 行，请分成几个文件")
        lines.append(_excel_line(number, titles, cells, owners))
        if len(lines) % _TOLD_EVERY == 0:
            tell(len(lines))
    if not lines:
        raise WrongWorkbook(problem="表格里没有规则，第一行是列名，从第二行起每行一条规则")
    return lines


# ---- Excel ----


def _titles(cells: Iterable[Cell]) -> list[str]:
    """The titles of the columns; empty where a column has none."""
    titles = [cell.text.strip() for cell in cells]
    unknown = [title for title in titles if title and title not in columns.BY_TITLE]
    if unknown:
        raise WrongWorkbook(problem=f"第一行应是列名，没有“{unknown[0][:20]}”这一列")
    missing = [title for title in _NEEDED if title not in titles]
    if missing:
        raise WrongWorkbook(problem=f"第一行缺少列名“{'”“'.join(missing)}”")
    twice = [title for title in titles if title and titles.count(title) > 1]
    if twice:
        raise WrongWorkbook(problem=f"列名“{twice[0]}”出现了两次")
    return titles


def _excel_line(number: int, titles: list[str], cells: list[Cell], owners: Owners) -> Line:
    line, said = Line(number), dict[str, str]()
    for title, cell in zip(titles, cells, strict=True):
        if cell.problem:
            line.problems.append(Problem(number, title, f"单元格 {cell.name} {cell.problem}。"))
        elif title:
            said[title] = cell.text
        elif cell.text.strip():
            line.problems.append(Problem(number, cell.name, "这一列没有列名。"))
    shape, refused = columns.read(said)
    for kind in _OWNERS:
        if kind in shape:
            shape[kind] = owners.find(kind, shape[kind].strip())
    draft, more = _drafted(shape)
    line.problems += [Problem(number, each.field, each.problem) for each in (*refused, *more)]
    line.draft = None if line.problems else draft
    return line


def _drafted(shape: dict[str, Any]) -> tuple[RuleDraft | None, list[Invalid]]:
    """The rule, or what is wrong with it: field after field, each mended to see the next."""
    problems: list[Invalid] = []
    while len(problems) < _MOST_OF_ONE:
        try:
            return drafts.parse_rule(shape), problems
        except Invalid as error:
            field_name = error.field.rpartition(" · ")[2]
            problems.append(Invalid(field=columns.title_of(field_name), problem=error.problem))
            name = re.split(r"[\[.]", field_name, maxsplit=1)[0]
            name = "replies" if name == "reply" else name
            if name not in shape and name not in _HARMLESS:
                break
            shape = _mended(shape, name)
    return None, problems


def _mended(shape: dict[str, Any], name: str) -> dict[str, Any]:
    rest = {key: value for key, value in shape.items() if key != name}
    if name in _HARMLESS:
        rest[name] = _HARMLESS[name]
    if not any(key in rest for key in _KEYWORDS):
        rest["keywords"] = _HARMLESS["keywords"]
    return rest


# ---- YAML ----


def _yaml_lines(body: bytes, filename: str, known: Known) -> list[Line]:
    top = Record(Path(filename), documents.parse(body, Path(filename)))
    others = [name for name in top.node.entries if name not in ("version", "rules")]
    if others:
        raise top.wrong(others[0], "这里只导入 rules，其他内容请由管理员载入")
    records = top.rows("rules")
    if not records:
        raise top.wrong("rules", "没有规则")
    if len(records) > MOST_LINES:
        raise top.wrong("rules", f"有 {len(records)} 条规则，超过 {MOST_LINES} 条，请分成几个文件")
    return [_yaml_line(record, known) for record in records]


def _yaml_line(record: Record, known: Known) -> Line:
    try:
        return Line(record.line, draft_of(record, known))
    except WrongFile as error:
        at, name = error.facts.get("line", record.line), error.facts.get("field", "")
        problem = Problem(int(str(at)), str(name), f"{error.facts['problem']}。")
        return Line(record.line, problems=[problem])
