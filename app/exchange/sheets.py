"""Sheets: the rules a member may read, as an Excel file or as YAML that can be imported again.

What staff typed could be a formula on somebody's desk: every cell is text, and quoted.
"""

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from sqlalchemy import select

from app.exchange.columns import COLUMNS, write
from app.loading import VERSION, accounts, departments
from app.loading.export import as_yaml
from config.cells import quoted
from config.database import session
from config.tenancy import Member, Right
from keywords import drafts, stored
from keywords.drafts import RuleDraft
from keywords.stored import StoredRule

_TITLE = "规则"
_WRAPPED = Alignment(wrap_text=True, vertical="top")
_BOLD = Font(bold=True)


def readable(
    member: Member, *, department_ids: Iterable[int] = (), account_id: int | None = None
) -> list[RuleDraft]:
    """The rules a member may read, by code; of some departments or one account if asked."""
    area = member.area(Right.RULES_READ)
    query = select(StoredRule).where(
        area.covers(department=StoredRule.department_id, account=StoredRule.account_id)
    )
    wanted = tuple(department_ids)
    if wanted:
        query = query.where(StoredRule.department_id.in_(wanted))
    if account_id is not None:
        query = query.where(StoredRule.account_id == account_id)
    codes = {key: code for code, key in departments.ids().items()}
    appids = {key: appid for appid, key in accounts.ids().items()}
    return [
        stored.to_draft(
            row,
            department=codes.get(row.department_id or 0, ""),
            account=appids.get(row.account_id or 0, ""),
        )
        for row in session.scalars(query.order_by(StoredRule.code))
    ]


def as_excel(listed: Iterable[RuleDraft], names: Mapping[str, str]) -> bytes:
    """One row a rule. `names` gives departments and accounts by code the name people know."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_TITLE)
    sheet.freeze_panes = "C2"
    for number, column in enumerate(COLUMNS, 1):
        sheet.column_dimensions[get_column_letter(number)].width = column.width
    sheet.append([_cell(sheet, column.title, _BOLD) for column in COLUMNS])
    for draft in listed:
        cells = write(draft)
        for title, code in (("单位", draft.department), ("账号", draft.account)):
            cells[title] = f"{names[code]}（{code}）" if names.get(code) else code
        sheet.append([_cell(sheet, cells.get(column.title, "")) for column in COLUMNS])
    held = BytesIO()
    book.save(held)
    return held.getvalue()


def as_document(listed: Iterable[RuleDraft]) -> str:
    """The rules as YAML, in the shape that `load` and the import read."""
    shapes: dict[str, Any] = {
        "version": VERSION,
        "rules": [drafts.dump_rule(one) for one in listed],
    }
    return as_yaml(shapes)


def _cell(sheet: Any, text: str, font: Font | None = None) -> Any:
    if not text:
        return None
    cell = WriteOnlyCell(sheet, quoted(text))
    cell.data_type = "s"
    if font is not None:
        cell.font = font
    elif "\n" in text:
        cell.alignment = _WRAPPED
    return cell
