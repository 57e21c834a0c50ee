"""Every table of every room, gathered so that migrations and tests see them all."""

from config import alarms, audit, jobs, revisions, timetable
from config.database import Base
from keywords import history, hits, imports, policies, stored, texts, unmatched
from matrix import (
    accounts,
    articles,
    departments,
    followers,
    inbox,
    media,
    menus,
    sendings,
    traffic,
    walks,
)
from matrix.staff import factors, grants, links, networks, passwords, people, sessions, throttle
from services import catalogue

ROOMS = (
    accounts,
    alarms,
    articles,
    audit,
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
    revisions,
    sendings,
    sessions,
    stored,
    texts,
    throttle,
    timetable,
    traffic,
    unmatched,
    walks,
)
metadata = Base.metadata
