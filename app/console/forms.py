"""What all forms of the console share: Chinese messages, and errors at the field they concern."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from gettext import GNUTranslations
from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, IntegerField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # its types are a version behind
from wtforms.i18n import get_translations

from config.audit import AuditEntry
from config.errors import DomainError, Invalid, NotFound
from matrix import departments
from matrix.departments import Department

# for every form: by default Flask-WTF goes by the languages of the browser
_chinese = get_translations(["zh"])


@dataclass(frozen=True)
class EditConflict:
    """Somebody else changed the object after the form was opened (optimistic locking).

    `last_change` is the audit entry of their change, if there is one. `differences` are
    (label of the field, its value now, the value that was typed). `reopen_url` is where the form
    can be opened again; empty when that is its own address.
    """

    last_change: AuditEntry | None
    differences: list[tuple[str, str, str]]
    reopen_url: str


class Form(FlaskForm):
    """A form with a CSRF token, whose messages are Chinese."""

    conflict: EditConflict | None = None

    class Meta(FlaskForm.Meta):
        """Settings that WTForms reads."""

        def get_translations(self, form: FlaskForm) -> GNUTranslations:
            """The Chinese messages of WTForms, whatever the browser prefers."""
            return _chinese

    @property
    def is_refused(self) -> bool:
        """Whether a field or the whole form has an error, or there is an edit conflict."""
        return bool(self.errors) or bool(self.form_errors) or self.conflict is not None

    def show_conflict(
        self,
        current: Mapping[str, object],
        last_change: AuditEntry | None,
        describe: Callable[[str, Any], str] = lambda name, value: str(value or "（空）"),
        reopen_url: str = "",
        **hidden: object,
    ) -> None:
        """Show the current values beside what was typed, and let the next submit overwrite them.

        `current` are the values now, by field; `describe(field, value)` turns one into text.
        `hidden` are the hidden fields that tell which state was read (a version): they are set to
        the state now, so that the same form submitted again is accepted.
        """
        for name, value in hidden.items():
            # WTForms renders raw_data of a submitted form, not data
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


class VersionForm(Form):
    """The version of the object that an action was decided on."""

    version = IntegerField("版本", default=0)


def strip(value: str | None) -> str:
    """A filter for text fields: without spaces at both ends, and never None."""
    return (value or "").strip()


def split_lines(text: str | None) -> list[str]:
    """The lines of a text field: without spaces at both ends, and none that is empty."""
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def choices(
    labels: Mapping[Any, str] | Iterable[tuple[object, str]], empty_label: str = ""
) -> list[SelectChoice]:
    """The choices of a select field, from labels by value or from (value, label) pairs.

    `empty_label` is the label of an empty choice before them; without it there is none.
    """
    pairs = labels.items() if isinstance(labels, Mapping) else labels
    first = [SelectChoice("", empty_label)] if empty_label else []
    return [*first, *(SelectChoice(str(value), label) for value, label in pairs)]


def hidden_int(field: Field) -> int:
    """The number in a hidden field; 0 when it is not a number of at most nine digits.

    Only a tampered form has such a value. 0 is no version of anything, so it ends as a conflict.
    """
    text = str(field.data or "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def department_choices(rows: Sequence[Department]) -> dict[Any, str]:
    """Names of departments by id, indented by their depth in the tree."""
    return {row.id: f"{'　' * depth}{row.name}" for row, depth in departments.outline(rows)}


@contextmanager
def errors_on(form: Form, field: str = "", **names: str) -> Iterator[None]:
    """Turn errors that are raised inside into errors of the form.

    `Invalid` goes to the field that it names; `names` maps its field names to those of the form
    where they differ, and `field` takes it when the form has no such field. Any other DomainError
    goes to `field` as well; without one, above the form. NotFound is raised on, to the error page.
    """
    try:
        yield
    # an object that the person may not see must look like one that does not exist, not like a
    # mistake in the form
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
        # a new list: WTForms gives fields without errors a shared tuple
        found.errors = [*found.errors, problem]
