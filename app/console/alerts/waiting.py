"""Waiting alerts: what every page of the console asks every two seconds, to count and to ring.

The answer is 204 and one query while nothing has changed. A browser asks once for all its pages
(alert_worker.js), and such a request does not keep a session alive.
"""

from flask import Response, jsonify, request, url_for

from app.console.alerts.blueprint import READERS, blueprint
from app.web.auth import member, requires
from config.alerts import Alert, listing
from config.alerts.listing import WaitingCount
from config.permissions import Principal

# what a page can tell anew at a time; the counter counts all
_MAX_TOLD = 20
_MAX_QUOTE_LENGTH = 120


@blueprint.get("/waiting")
@requires(*READERS)
def poll_waiting() -> Response:
    """JSON `{etag, count, urgent, alerts}` of the alerts that nobody has taken.

    204 while it is what the asker knows already: it sends the `etag` that it was given. Each alert
    is `{key, at, message, quote, urgent, url}`: the key changes when it is raised again, at `at` in
    seconds since 1970.
    """
    waiting = listing.count_waiting(member())
    if waiting.etag == request.args.get("etag"):
        return Response(status=204)
    found = listing.list_newest_for_staff(member(), limit=_MAX_TOLD)
    return jsonify(
        etag=waiting.etag,
        count=waiting.count,
        urgent=waiting.urgent,
        alerts=[_told(alert) for alert in found],
    )


def _told(alert: Alert) -> dict[str, object]:
    quote = str(alert.details.get("text", ""))
    return {
        "key": f"{alert.id}:{alert.count}",
        "at": alert.last_raised_at.timestamp(),
        "message": alert.message,
        "quote": quote if len(quote) <= _MAX_QUOTE_LENGTH else quote[:_MAX_QUOTE_LENGTH] + "…",
        "urgent": alert.urgent,
        "url": url_for("alerts.show", alert_id=alert.id),
    }


def waiting_count(principal: Principal) -> WaitingCount | None:
    """What the navigation counts when a page is rendered; None for who sees no alerts."""
    if not any(principal.scope(permission) for permission in READERS):
        return None
    return listing.count_waiting(principal)
