"""Every table of every room, gathered so that migrations and tests see them all."""

from config import alarms, audit, jobs, revisions, timetable
from config.audit import seals
from config.database import Base
from keywords import stored, texts
from matrix import accounts, articles, departments, followers, inbox, media, menus, sendings
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
    inbox,
    jobs,
    links,
    media,
    menus,
    networks,
    passwords,
    people,
    revisions,
    seals,
    sendings,
    sessions,
    stored,
    texts,
    throttle,
    timetable,
)
metadata = Base.metadata
