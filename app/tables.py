"""Every table of every room, gathered so that migrations and tests see them all."""

from config import alarms, audit, jobs, revisions, timetable
from config.audit import seals
from config.database import Base
from keywords import stored, texts
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
    inbox,
    jobs,
    links,
    media,
    menus,
    networks,
    passwords,
    people,
    probes,
    revisions,
    seals,
    sendings,
    sessions,
    stored,
    surveys,
    texts,
    throttle,
    timetable,
)
metadata = Base.metadata
