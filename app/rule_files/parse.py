"""Parsing: the rules of a file, each with everything that is wrong with it.

An Excel row has its number, a YAML rule the line it begins on. What is wrong with the whole file
(not Excel, no header, too long) is raised instead.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.content import yaml_nodes
from app.content.record import Record
from app.content.rules import spec_from_record
from app.content.yaml_nodes import InvalidFile
from app.rule_files import row_mapping, xlsx_reader
from app.rule_files.xlsx_reader import Cell, InvalidWorkbook
from config.errors import Invalid
from config.validation import InvalidSpec
from keywords.rules.rule_imports import ImportFormat
from keywords.rules.spec import RuleSpec

# as many as a whole city has; decision 0014 measures with this number
MAX_RULES = 20_000
_REQUIRED_TITLES = ("编号", "名称", row_mapping.REPLY_TITLES[0])
# a row that is shifted by a column is wrong in every cell; a few problems show that
_MAX_PROBLEMS_PER_RULE = 6
# each report is a write to the cache
_REPORT_EVERY = 200
_IN_BRACKETS = re.compile(r".*[（(]([A-Za-z0-9_.:-]+)[）)]", re.DOTALL)
_OWNER_FIELDS = ("department", "account")


@dataclass(frozen=True, slots=True)
class LineProblem:
    """One thing that is wrong: in which row or line, in which column or field."""

    at: int
    field: str
    problem: str


@dataclass(slots=True)
class ParsedRule:
    """One rule of the file; `spec` is None when something is wrong with it."""

    at: int
    spec: RuleSpec | None = None
    problems: list[LineProblem] = field(default_factory=list)


@dataclass(frozen=True)
class OwnerNames:
    """Codes of departments and appids of accounts by the names people know them by."""

    code_by_department: Mapping[str, str]
    appid_by_account: Mapping[str, str]

    def resolve(self, kind: str, written: str) -> str:
        """The code that is meant: itself, in brackets after a name, or that of a known name."""
        by_name = self.code_by_department if kind == "department" else self.appid_by_account
        if written in by_name:
            return by_name[written]
        # exports write "name（code）", and names may have brackets themselves: the last pair counts
        bracketed = _IN_BRACKETS.fullmatch(written)
        return bracketed[1] if bracketed else written


def parse_file(
    file_format: ImportFormat,
    body: bytes,
    filename: str,
    owners: OwnerNames,
    *,
    report_progress: Callable[[int], None],
) -> list[ParsedRule]:
    """All rules of a file. `report_progress` is called now and then with how many were read.

    Raises InvalidWorkbook, InvalidFile.
    """
    if file_format is ImportFormat.YAML:
        return _parse_yaml(body, filename)
    parsed_rules: list[ParsedRule] = []
    rows = xlsx_reader.read_rows(body)
    titles = _read_titles(next(rows, (0, []))[1])
    for number, cells in rows:
        # counted while reading, since a sheet may claim a million rows and have few
        if len(parsed_rules) == MAX_RULES:
            raise InvalidWorkbook(problem=f"超过 {MAX_RULES} 行，请分成几个文件")
        parsed_rules.append(_parse_row(number, titles, cells, owners))
        if len(parsed_rules) % _REPORT_EVERY == 0:
            report_progress(len(parsed_rules))
    if not parsed_rules:
        raise InvalidWorkbook(problem="表格里没有规则，第一行是列名，从第二行起每行一条规则")
    return parsed_rules


# ---- Excel ----


def _read_titles(cells: Iterable[Cell]) -> list[str]:
    """The titles of the columns; empty where a column has none."""
    titles = [cell.text.strip() for cell in cells]
    # an unknown column may be a misspelt one, whose content would be lost without an error
    unknown = [title for title in titles if title and title not in row_mapping.BY_TITLE]
    if unknown:
        raise InvalidWorkbook(problem=f"第一行应是列名，没有“{unknown[0][:20]}”这一列")
    missing = [title for title in _REQUIRED_TITLES if title not in titles]
    if missing:
        raise InvalidWorkbook(problem=f"第一行缺少列名“{'”“'.join(missing)}”")
    duplicates = [title for title in titles if title and titles.count(title) > 1]
    if duplicates:
        raise InvalidWorkbook(problem=f"列名“{duplicates[0]}”出现了两次")
    return titles


def _parse_row(number: int, titles: list[str], cells: list[Cell], owners: OwnerNames) -> ParsedRule:
    parsed, cells_by_title = ParsedRule(number), dict[str, str]()
    for title, cell in zip(titles, cells, strict=True):
        if cell.problem:
            parsed.problems.append(
                LineProblem(number, title, f"单元格 {cell.name} {cell.problem}。")
            )
        elif title:
            cells_by_title[title] = cell.text
        # a note beside the table; ignored it might be a reply under a forgotten heading
        elif cell.text.strip():
            parsed.problems.append(LineProblem(number, cell.name, "这一列没有列名。"))
    data, unreadable = row_mapping.read_row(cells_by_title)
    # before the spec is made: it takes a code of 64 characters, people write names
    for kind in _OWNER_FIELDS:
        if kind in data:
            data[kind] = owners.resolve(kind, data[kind].strip())
    parsed.problems += [LineProblem(number, error.field, error.problem) for error in unreadable]
    # a cell that could not be read is not missed as well
    fields_with_problem = {problem.field for problem in parsed.problems}
    try:
        rule_spec = RuleSpec.parse(data)
    except InvalidSpec as error:
        found = [_line_problem(number, problem) for problem in error.problems]
        new = [problem for problem in found if problem.field not in fields_with_problem]
        parsed.problems += new[:_MAX_PROBLEMS_PER_RULE]
    else:
        parsed.spec = None if parsed.problems else rule_spec
    return parsed


def _line_problem(number: int, problem: Invalid) -> LineProblem:
    """A problem of a spec, with the title of the column for the path of the field."""
    field_name = problem.field.rpartition(" · ")[2]
    return LineProblem(number, row_mapping.title_of_field(field_name), problem.problem)


# ---- YAML ----


def _parse_yaml(body: bytes, filename: str) -> list[ParsedRule]:
    top = Record(Path(filename), yaml_nodes.parse(body, Path(filename)))
    # accounts, departments and emergency words need other permissions than rules
    others = [name for name in top.node.entries if name not in ("version", "rules")]
    if others:
        raise top.error(others[0], "这里只导入 rules，其他内容请由管理员载入")
    records = top.section("rules")
    if not records:
        raise top.error("rules", "没有规则")
    if len(records) > MAX_RULES:
        raise top.error("rules", f"有 {len(records)} 条规则，超过 {MAX_RULES} 条，请分成几个文件")
    return [_parse_yaml_rule(record) for record in records]


def _parse_yaml_rule(record: Record) -> ParsedRule:
    try:
        return ParsedRule(record.line, spec_from_record(record))
    except InvalidFile as error:
        at, name = error.facts.get("line", record.line), error.facts.get("field", "")
        problem = LineProblem(int(str(at)), str(name), f"{error.facts['problem']}。")
        return ParsedRule(record.line, problems=[problem])
