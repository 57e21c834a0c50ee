"""Exports: the rules that a staff member may read, as Excel or YAML that can be imported again.

What staff typed could be run as a formula where the file is opened: every cell is escaped text.
"""

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from sqlalchemy import select

from app.content import VERSION, accounts, departments
from app.content.export import to_yaml
from app.rule_files.row_mapping import COLUMNS, write_row
from config.database import session
from config.permissions import Permission, Principal
from config.security.formula_escape import text_cell
from keywords.rules import store
from keywords.rules.spec import RuleSpec
from keywords.rules.store import RuleRow

_TITLE = "规则"
_WRAPPED = Alignment(wrap_text=True, vertical="top")
_BOLD = Font(bold=True)


def list_for_staff(
    member: Principal,
    *,
    department_ids: Iterable[int] = (),
    account_id: int | None = None,
    limit: int | None = None,
) -> list[RuleSpec]:
    """The rules a member may read, by code; of some departments or one account if asked."""
    scope = member.scope(Permission.RULES_READ)
    query = select(RuleRow).where(
        scope.sql_filter(department=RuleRow.department_id, account=RuleRow.account_id)
    )
    department_filter = tuple(department_ids)
    if department_filter:
        query = query.where(RuleRow.department_id.in_(department_filter))
    if account_id is not None:
        query = query.where(RuleRow.account_id == account_id)
    # two queries for all names, instead of one for every rule
    codes = {key: code for code, key in departments.ids_by_code().items()}
    appids = {key: appid for appid, key in accounts.ids_by_appid().items()}
    return [
        store.to_spec(
            row,
            department=codes.get(row.department_id or 0, ""),
            account=appids.get(row.account_id or 0, ""),
        )
        for row in session.scalars(query.order_by(RuleRow.slug).limit(limit))
    ]


def to_xlsx(rules: Iterable[RuleSpec], names: Mapping[str, str]) -> bytes:
    """One row a rule. `names` gives departments and accounts by code the name people know."""
    # written row by row: a workbook in memory takes some fifty times the size of its file
    # (https://openpyxl.readthedocs.io/en/stable/performance.html)
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet(_TITLE)
    # heading, id and name stay visible while the sheet is scrolled
    sheet.freeze_panes = "C2"
    for number, column in enumerate(COLUMNS, 1):
        sheet.column_dimensions[get_column_letter(number)].width = column.width
    sheet.append([_cell(sheet, column.title, _BOLD) for column in COLUMNS])
    for rule_spec in rules:
        cells = write_row(rule_spec)
        for title, code in (("单位", rule_spec.department), ("账号", rule_spec.account)):
            # people know the name, the import needs the code: `OwnerNames.resolve` reads it from
            # the brackets
            cells[title] = f"{names[code]}（{code}）" if names.get(code) else code
        sheet.append([_cell(sheet, cells.get(column.title, "")) for column in COLUMNS])
    buffer = BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def xlsx_template() -> bytes:
    """An empty sheet to fill in, with two rows to learn from."""
    examples: tuple[dict[str, object], ...] = (
        {
            "id": "example.lost_found",
            "department": "unit",
            "name": "失物招领（示例，请删去）",
            "exact": ["失物招领"],
            "keywords": ["捡到钱包", "捡到手机"],
            "without": ["被偷"],
            "reply": {"type": "text", "content": "捡到的物品请交到就近派出所。"},
            "samples": ["捡到一个钱包交给谁"],
        },
        {
            "id": "example.guide",
            "department": "unit",
            "name": "办事指南（示例，请删去）",
            "together": ["公交|班车 几点|末班"],
            "priority": 60,
            "days": "workdays",
            "hours": ["08:30-12:00", "14:00-18:00"],
            "reply": {"type": "news", "title": "公交时刻", "url": "https://example.org/bus"},
        },
    )
    # through the spec, so that the template can never show what the import refuses
    return to_xlsx((RuleSpec.parse(data) for data in examples), {"unit": "您的单位"})


def to_yaml_text(rules: Iterable[RuleSpec]) -> str:
    """The rules as YAML, in the shape that `load` and the import read."""
    examples: dict[str, object] = {
        "version": VERSION,
        "rules": [rule.dump() for rule in rules],
    }
    return to_yaml(examples)


def _cell(sheet: Any, text: str, font: Font | None = None) -> Any:
    # no cell at all, or every empty cell would count as a formatted one and make the file larger
    if not text:
        return None
    cell = text_cell(sheet, text)
    if font is not None:
        cell.font = font
    elif "\n" in text:
        cell.alignment = _WRAPPED
    return cell
