"""Health: is the process alive, may it take requests, and what do the figures say.

/healthz   200 as long as the process answers
/readyz    200 when the database is reachable and migrated; Redis away is `degraded`
/metrics   Prometheus, for this machine or with METRICS_TOKEN
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
_open_alerts_gauge = Gauge("hub_alarms_open", "Open alarms by kind", ["kind"])

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """The process can do its work."""
    parts = {"database": _database(), "redis": _redis()}
    ready = parts["database"] == "ok"
    if ready:
        snapshots.current()
    status = "ok" if ready and parts["redis"] == "ok" else "degraded" if ready else "unavailable"
    return jsonify(status=status, **parts), 200 if ready else 503


@blueprint.get("/metrics")
def metrics() -> Response:
    """Figures for Prometheus."""
    _check_metrics_access()
    _update_gauges()
    return Response(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _database() -> str:
    try:
        return (
            "ok" if migrate.current_revision() == migrate.head_revision() else "migrations pending"
        )
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
        authorization = request.headers.get("Authorization", "")
        if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            abort(404)
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
        _open_alerts_gauge.clear()
        for kind, count in session.execute(
            select(Alert.kind, func.count()).where(Alert.resolved_at.is_(None)).group_by(Alert.kind)
        ):
            _open_alerts_gauge.labels(kind).set(count)
