"""Every table of every room, gathered so that migrations and tests see them all."""

from config import alarms, audit, jobs, revisions, timetable
from config.database import Base
from keywords import history, hits, imports, policies, stored, texts, unmatched
from matrix import (
    accounts,
    articles,
    blocks,
    departments,
    enclosures,
    followers,
    inbox,
    media,
    menus,
    phrases,
    sendings,
    traffic,
    walks,
)
from matrix.staff import factors, grants, links, networks, passwords, people, sessions, throttle
from matrix.talks import answering, gathering
from services import catalogue

ROOMS = (
    accounts,
    alarms,
    answering,
    articles,
    audit,
    blocks,
    catalogue,
    departments,
    enclosures,
    factors,
    followers,
    gathering,
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
    phrases,
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
