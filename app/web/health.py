"""Health checks and metrics.

    /healthz   liveness: 200 as long as the process answers
    /readyz    readiness: 200 when the database is reachable and migrated, else 503
    /metrics   Prometheus text format, for this machine or with METRICS_TOKEN

Without Redis the hub is `degraded` but ready: keyword answers need no Redis, and a load balancer
that took all processes out at once would end them.
"""

import hmac

from flask import Blueprint, Response, abort, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Gauge, generate_latest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app import migrate, snapshots
from config import cache, clock, logs, settings
from config.alerts import Alert
from config.database import read_only, session
from config.jobs import Job, JobState

_log = logs.get_logger(__name__)
_jobs_gauge = Gauge("hub_jobs", "Jobs that are not done, by state", ["state"])
_oldest_due_gauge = Gauge(
    "hub_jobs_oldest_due_seconds", "Age of the oldest job that is due and waits"
)
_open_alerts_gauge = Gauge("hub_alerts_open", "Open alerts by kind", ["kind"])

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 with `{"status": "ok"}`. Asks nothing else: a restart would not mend a database."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """The state of database and Redis as JSON; 503 unless the database is usable."""
    parts = {"database": _database(), "redis": _redis()}
    ready = parts["database"] == "ok"
    if ready:
        # built here, so that the first citizen after a start does not wait for the rules to be
        # compiled
        snapshots.current()
    status = "ok" if ready and parts["redis"] == "ok" else "degraded" if ready else "unavailable"
    return jsonify(status=status, **parts), 200 if ready else 503


@blueprint.get("/metrics")
def metrics() -> Response:
    """All metrics of this process, in the text format of Prometheus. 404 without access."""
    _check_metrics_access()
    _update_gauges()
    return Response(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _database() -> str:
    try:
        return (
            "ok" if migrate.current_revision() == migrate.head_revision() else "migrations pending"
        )
    # the reason goes to the log: the answer is public and must not name hosts or users
    except SQLAlchemyError as error:
        _log.warning("database.unavailable", error=type(error).__name__)
        return "away"


def _redis() -> str:
    try:
        cache.client().ping()
    except cache.UNAVAILABLE_ERRORS as error:
        cache.mark_unavailable(error)
        return "away"
    return "ok"


def _check_metrics_access() -> None:
    token = settings.get().metrics_token
    if token:
        # 404 and not 401: whoever scans from outside does not learn that metrics are here.
        # Compared in constant time, because the token is a secret.
        authorization = request.headers.get("Authorization", "")
        if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            abort(404)
    # A proxy on this machine forwards strangers from 127.0.0.1. The header shows that somebody is
    # behind it, also where TRUSTED_PROXIES was forgotten.
    elif request.remote_addr not in ("127.0.0.1", "::1") or request.headers.get("X-Forwarded-For"):
        abort(404)


def _update_gauges() -> None:
    now = clock.now()
    with read_only():
        for state in (JobState.WAITING, JobState.RUNNING, JobState.DEAD):
            count = session.scalar(select(func.count()).where(Job.state == state))
            _jobs_gauge.labels(state.value).set(count or 0)
        due = session.scalar(
            select(func.min(Job.due_at)).where(Job.state == JobState.WAITING, Job.due_at <= now)
        )
        _oldest_due_gauge.set((now - due).total_seconds() if due else 0)
        # a kind without open alerts has no row below; its last number would stay for ever
        _open_alerts_gauge.clear()
        for kind, count in session.execute(
            select(Alert.kind, func.count()).where(Alert.resolved_at.is_(None)).group_by(Alert.kind)
        ):
            _open_alerts_gauge.labels(kind).set(count)
