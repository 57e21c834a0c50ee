"""What the modules of the staff's pages share."""

from flask import Blueprint, render_template, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # its types are a version behind

from app.console import forms
from config import settings
from matrix.staff.directory import ScopeChoices
from matrix.staff.members import Staff
from matrix.staff.one_time_links import LIFETIMES, LinkPurpose

blueprint = Blueprint("staff", __name__, url_prefix="/console/staff")
ViewResult = str | Response | tuple[str, int]

# what stands before a department's name for each level below the top
_INDENT = "　"


def department_choices(places: ScopeChoices) -> list[SelectChoice]:
    """The departments to choose from, so that they read as a tree."""
    rows = ((key, f"{_INDENT * depth}{name}") for key, name, depth in places.departments)
    return forms.choices(rows)


def render_one_time_link(person: Staff, secret: str) -> str:
    """The page that shows a one-time link, this once."""
    purpose = LinkPurpose.INVITE if person.password_hash is None else LinkPurpose.RESET
    return render_template(
        "console/staff/one_time_link.html",
        person=person,
        address=f"{settings.get().base_url}{url_for('sign_in.one_time_link', secret=secret)}",
        minutes=int(LIFETIMES[purpose].total_seconds() // 60),
    )
