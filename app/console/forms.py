"""Forms of the console: typed fields, Chinese words, refusals at the field they are about."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from gettext import GNUTranslations
from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # its types are a version behind
from wtforms.i18n import get_translations

from config.audit import AuditEntry
from config.errors import DomainError, Invalid, NotFound
from matrix import departments
from matrix.departments import Department

_chinese = get_translations(["zh"])


@dataclass(frozen=True)
class EditConflict:
    """What somebody else made of a thing meanwhile.

    `by` is the audit row of their change; `differences` have a field's label, what stands there
    now and what was typed. `page` is where the form is opened anew, if not at its own address.
    """

    last_change: AuditEntry | None
    differences: list[tuple[str, str, str]]
    reopen_url: str


class Form(FlaskForm):
    """A form; its own words and those of WTForms are Chinese."""

    conflict: EditConflict | None = None

    class Meta(FlaskForm.Meta):
        """Where WTForms finds its words."""

        def get_translations(self, form: FlaskForm) -> GNUTranslations:
            """Always Chinese."""
            return _chinese

    @property
    def is_refused(self) -> bool:
        """Whether anything was wrong, or somebody else was first."""
        return bool(self.errors) or bool(self.form_errors) or self.conflict is not None

    def show_conflict(
        self,
        current: Mapping[str, Any],
        last_change: AuditEntry | None,
        describe: Callable[[str, Any], str] = lambda name, value: str(value or "（空）"),
        reopen_url: str = "",
        **hidden: Any,
    ) -> None:
        """Show what stands there now, by names of fields, beside what was typed.

        `seen` are its hidden fields that tell what was read, as they would be now: handed in once
        more, the form wins. `said` puts a field's value into words.
        """
        for name, value in hidden.items():
            self[name].data, self[name].raw_data = value, [str(value)]
        differences = [
            (
                field.label.text,
                describe(field.name, current[field.name]),
                describe(field.name, field.data),
            )
            for field in self
            if field.name in current and current[field.name] != field.data
        ]
        self.conflict = EditConflict(last_change, differences, reopen_url)


def strip(value: str | None) -> str:
    """A filter for text fields: without spaces around, never None."""
    return (value or "").strip()


def choices(
    labels: Mapping[Any, str] | Iterable[tuple[object, str]], empty_label: str = ""
) -> list[SelectChoice]:
    """The choices of a select field: values and what they are called.

    `nothing` is what the empty choice before them says; without it there is none.
    """
    pairs = labels.items() if isinstance(labels, Mapping) else labels
    first = [SelectChoice("", empty_label)] if empty_label else []
    return [*first, *(SelectChoice(str(value), label) for value, label in pairs)]


def hidden_int(field: Field) -> int:
    """A hidden number as it came back; 0 when somebody bent it."""
    text = str(field.data or "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def department_choices(rows: Sequence[Department]) -> dict[Any, str]:
    """Departments to choose from, as a tree."""
    return {row.id: f"{'　' * depth}{row.name}" for row, depth in departments.outline(rows)}


@contextmanager
def errors_on(form: Form, field: str = "", **names: str) -> Iterator[None]:
    """What a deed refuses inside is said at the form's field, or above the form.

    `names` maps a deed's names of fields to the form's; `field` takes what names none of the
    form's. NotFound goes on to the error page.
    """
    try:
        yield
    except NotFound:
        raise
    except Invalid as error:
        _add_error(form, names.get(error.field, error.field), error.problem, field)
    except DomainError as error:
        _add_error(form, field, str(error), "")


def _add_error(form: Form, name: str, problem: str, fallback_field: str) -> None:
    found: Field | None = form._fields.get(name) or form._fields.get(fallback_field)
    if found is None:
        form.form_errors.append(problem)
    else:
        found.errors = [*found.errors, problem]
