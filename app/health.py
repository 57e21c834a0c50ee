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

from app import live, schema
from config import cache, clock, logs, settings
from config.alarms import Alarm
from config.database import reading, session
from config.jobs import Job, State

_log = logs.get(__name__)
_jobs = Gauge("hub_jobs", "Jobs that are not done, by state", ["state"])
_oldest = Gauge("hub_jobs_oldest_due_seconds", "Age of the oldest job that is due and waits")
_alarms = Gauge("hub_alarms_open", "Open alarms by kind", ["kind"])

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
        live.current()
    status = "ok" if ready and parts["redis"] == "ok" else "degraded" if ready else "unavailable"
    return jsonify(status=status, **parts), 200 if ready else 503


@blueprint.get("/metrics")
def metrics() -> Response:
    """Figures for Prometheus."""
    _guard_metrics()
    _count()
    return Response(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _database() -> str:
    try:
        return "ok" if schema.standing() == schema.head() else "migrations pending"
    except SQLAlchemyError as error:
        _log.warning("database.away", error=type(error).__name__)
        return "away"


def _redis() -> str:
    try:
        cache.client().ping()
    except cache.Away as error:
        cache.noticed(error)
        return "away"
    return "ok"


def _guard_metrics() -> None:
    token = settings.get().metrics_token
    if token:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            abort(404)
    elif request.remote_addr not in ("127.0.0.1", "::1") or request.headers.get("X-Forwarded-For"):
        abort(404)


def _count() -> None:
    now = clock.now()
    with reading():
        for state in (State.WAITING, State.RUNNING, State.DEAD):
            number = session.scalar(select(func.count()).where(Job.state == state))
            _jobs.labels(state.value).set(number or 0)
        due = session.scalar(
            select(func.min(Job.due_at)).where(Job.state == State.WAITING, Job.due_at <= now)
        )
        _oldest.set((now - due).total_seconds() if due else 0)
        _alarms.clear()
        for kind, number in session.execute(
            select(Alarm.kind, func.count()).where(Alarm.closed_at.is_(None)).group_by(Alarm.kind)
        ):
            _alarms.labels(kind).set(number)
