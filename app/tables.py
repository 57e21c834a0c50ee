"""Every table of every room, gathered so that migrations and tests see them all."""

from config import alarms, audit, jobs, revisions, timetable
from config.database import Base
from keywords import history, hits, imports, policies, stored, texts, unmatched
from matrix import (
    account_tasks,
    accounts,
    articles,
    callbacks,
    departments,
    followers,
    inbox,
    media,
    menus,
    probes,
    sendings,
    surveys,
    traffic,
    walks,
)
from matrix.staff import factors, grants, links, networks, passwords, people, sessions, throttle
from services import catalogue

ROOMS = (
    account_tasks,
    accounts,
    alarms,
    articles,
    audit,
    callbacks,
    catalogue,
    departments,
    factors,
    followers,
    grants,
    history,
    hits,
    imports,
    inbox,
    jobs,
    links,
    media,
    menus,
    networks,
    passwords,
    people,
    policies,
    probes,
    revisions,
    sendings,
    sessions,
    stored,
    surveys,
    texts,
    throttle,
    timetable,
    traffic,
    unmatched,
    walks,
)
metadata = Base.metadata
