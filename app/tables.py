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
    phrases,
    probes,
    sendings,
    surveys,
    traffic,
    walks,
)
from matrix.codes import scans, scenes
from matrix.media import files, uploads
from matrix.menus import conditional, sights, versions
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
    conditional,
    departments,
    enclosures,
    factors,
    files,
    followers,
    gathering,
    grants,
    history,
    hits,
    imports,
    inbox,
    jobs,
    links,
    networks,
    passwords,
    people,
    phrases,
    policies,
    probes,
    revisions,
    scans,
    scenes,
    sendings,
    sessions,
    sights,
    stored,
    surveys,
    texts,
    throttle,
    timetable,
    traffic,
    unmatched,
    walks,
    uploads,
    versions,
)
metadata = Base.metadata
