"""Every table of every room, gathered so that migrations and tests see them all."""

from config import alarms, audit, jobs, revisions, timetable
from config.database import Base
from keywords import history, hits, imports, policies, stored, texts, unmatched
from matrix import (
    account_tasks,
    accounts,
    articles,
    blocks,
    callbacks,
    departments,
    enclosures,
    followers,
    inbox,
    media,
    menus,
    phrases,
    probes,
    sendings,
    surveys,
    traffic,
    walks,
)
from matrix.staff import factors, grants, links, networks, passwords, people, sessions, throttle
from matrix.talks import answering, gathering
from services import catalogue

ROOMS = (
    account_tasks,
    accounts,
    alarms,
    answering,
    articles,
    audit,
    blocks,
    callbacks,
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
