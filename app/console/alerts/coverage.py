"""Who is told of what, for administrators: people and their channels, and accounts without any."""

from flask import render_template

from app.alert_kinds import KINDS
from app.console.alerts.blueprint import blueprint
from app.web.auth import member, requires
from config import clock
from config.permissions import Permission
from matrix import departments
from matrix.inbox import InboxAlert
from matrix.notifications import recipients


@blueprint.get("/recipients")
@requires(Permission.STAFF_READ)
def coverage() -> str:
    """The people whom the administrator sees, and how each is told of alerts."""
    people = recipients.list_coverage(member())
    own_departments = {
        each.person.department_id for each in people if each.person.department_id is not None
    }
    return render_template(
        "console/alerts/coverage.html",
        told=[each for each in people if each.kinds],
        untold_count=sum(1 for each in people if not each.kinds),
        kinds=KINDS,
        department_names=departments.names(own_departments),
        uncovered=recipients.list_accounts_without(InboxAlert.EMERGENCY, member(), now=clock.now()),
    )
