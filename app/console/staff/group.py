"""What the modules of the staff's pages share."""

from flask import Blueprint, render_template, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # its types are a version behind

from app.console import forms
from config import settings
from matrix.staff.directory import Places
from matrix.staff.links import LASTS, Purpose
from matrix.staff.people import Staff

blueprint = Blueprint("staff", __name__, url_prefix="/console/staff")
Answer = str | Response | tuple[str, int]

# what stands before a department's name for each level below the top
_INDENT = "　"


def departments_of(places: Places) -> list[SelectChoice]:
    """The departments to choose from, so that they read as a tree."""
    rows = ((key, f"{_INDENT * depth}{name}") for key, name, depth in places.departments)
    return forms.choices(rows)


def invitation(person: Staff, secret: str) -> str:
    """The page that shows a one-time link, this once."""
    purpose = Purpose.INVITE if person.password_hash is None else Purpose.RESET
    return render_template(
        "console/staff/link.html",
        person=person,
        address=f"{settings.get().address}{url_for('sign_in.link', secret=secret)}",
        minutes=int(LASTS[purpose].total_seconds() // 60),
    )
