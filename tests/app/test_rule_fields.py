"""A field of a rule: declared in `RuleSpec`, kept in a column, written in the form.

These three are all that a new field costs. Everything else takes it from the spec; a field that
some place forgets is found here.
"""

from typing import get_type_hints

import pytest
from pydantic import Field
from pydantic.fields import FieldInfo

from app.console.rules import labels
from app.console.rules.editor.form import RuleForm
from app.rule_files import row_mapping
from keywords.publishing import diff
from keywords.rules import spec
from keywords.rules.spec import RuleSpec
from keywords.rules.store import RuleRow
from keywords.rules.values import Rule

OWNERS = {"slug", "department", "account"}
# the form asks for the owner in one field, and buttons say whether a rule is in force
NOT_IN_FORM = {*OWNERS, "state"}
FIELDS = RuleSpec.model_fields


def test_every_field_of_a_rule_has_a_column_in_the_table() -> None:
    assert set(FIELDS) - OWNERS == set(spec.COLUMNS)
    assert set(spec.COLUMNS) <= set(RuleRow.__table__.columns.keys())


def test_every_field_of_a_rule_is_in_the_form() -> None:
    asked = {name for name in dir(RuleForm) if not name.startswith("_")}
    assert set(FIELDS) - NOT_IN_FORM <= asked


def test_files_sheets_and_pages_take_the_fields_from_the_spec() -> None:
    written = {field.alias or name for name, field in FIELDS.items()}
    assert written <= set(spec.FIELDS)
    titles = {row_mapping.title_of_field(name) for name in written - {"state"}}
    assert titles <= set(row_mapping.BY_TITLE)
    assert set(FIELDS) - NOT_IN_FORM <= set(diff._FIELDS)
    assert set(FIELDS) <= set(labels.FIELDS)
    assert all(field.title for field in FIELDS.values())


@pytest.mark.parametrize(
    ("field", "cell", "value"),
    [
        (Field(default="", title="备注"), "甲、乙", "甲、乙"),
        (Field(default=(), title="备注"), "甲、乙", ["甲", "乙"]),
        (Field(default=5, title="备注"), "12", 12),
        (Field(default=5, title="备注"), "许多", "许多"),
        (Field(default=False, title="备注"), "是", True),
        (Field(default=False, title="备注"), "否", False),
        (Field(default=False, title="备注"), "也许", "也许"),
    ],
)
def test_a_later_field_has_a_column_of_its_title(
    field: FieldInfo, cell: str, value: object
) -> None:
    column = row_mapping.default_column("note", field)
    assert (column.title, column.field, column.parse(cell)) == ("备注", "note", value)


def test_the_running_rule_shares_its_fields_with_the_spec() -> None:
    from_spec = {*spec.LIVE_FIELDS, "schedule"}
    known_by_number = {"id", "department_id", "account_id"}
    assert set(get_type_hints(Rule)) == from_spec | known_by_number
