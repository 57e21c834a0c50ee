"""The list of all accounts with their health, the unhealthiest first."""

from collections import Counter

from flask import render_template, request

from app.console.accounts.blueprint import blueprint
from app.console.accounts.labels import KIND_LABELS, LEVEL_LABELS
from app.web.auth import member, requires
from config import clock
from config.permissions import Permission
from matrix.health.health import list_for_staff


@blueprint.get("/")
@requires(Permission.ACCOUNTS_READ)
def index() -> str:
    """All accounts that the person may see, filtered by level and by a part of a name."""
    all_rows = list_for_staff(member(), Permission.ACCOUNTS_READ, now=clock.now())
    permission_scope = member().scope(Permission.ACCOUNTS_MANAGE)
    search, level = request.args.get("q", "").strip(), request.args.get("level", "")
    rows = [
        row
        for row in all_rows
        if level in ("", row.level.value)
        and (search in row.inputs.account.name or search in row.inputs.department)
    ]
    return render_template(
        "console/accounts/index.html",
        rows=rows,
        counts=Counter(row.level.value for row in all_rows),
        total=len(all_rows),
        # a new account belongs to a department: a role at single accounts is not enough
        may_add=permission_scope.everywhere or bool(permission_scope.departments),
        level=level,
        search=search,
        level_labels=LEVEL_LABELS,
        kind_labels=KIND_LABELS,
    )
