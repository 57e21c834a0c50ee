"""The blueprint of the staff's pages, and what they share."""

from flask import Blueprint, render_template, url_for
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # its types are a version behind

from app.console import forms
from config import settings
from matrix.staff.directory import ScopeChoices
from matrix.staff.members import Staff
from matrix.staff.sign_in.one_time_links import LIFETIMES, LinkPurpose

blueprint = Blueprint("staff", __name__, url_prefix="/console/staff")
# before a department's name, once for each level below the top
_INDENT = "　"


def department_choices(places: ScopeChoices) -> list[SelectChoice]:
    """The departments to choose from, indented by their depth in the tree."""
    rows = ((key, f"{_INDENT * depth}{name}") for key, name, depth in places.departments)
    return forms.choices(rows)


def render_one_time_link(person: Staff, secret: str) -> str:
    """The page that shows a new one-time link; only its hash is stored, so it is shown once."""
    purpose = LinkPurpose.INVITE if person.password_hash is None else LinkPurpose.RESET
    return render_template(
        "console/staff/one_time_link.html",
        person=person,
        # PUBLIC_URL and not the Host header, which whoever sends the
        # request may choose: the link would lead to a stranger's server
        address=f"{settings.get().base_url}{url_for('sign_in.one_time_link', secret=secret)}",
        minutes=int(LIFETIMES[purpose].total_seconds() // 60),
    )
