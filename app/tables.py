"""Every table of every room, gathered so that migrations and tests see them all."""

from config import alarms, audit, jobs, revisions, timetable
from config.database import Base
from keywords import hits, stored, texts, unmatched
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
from services import catalogue

ROOMS = (
    accounts,
    alarms,
    articles,
    audit,
    catalogue,
    departments,
    followers,
    hits,
    inbox,
    jobs,
    media,
    menus,
    revisions,
    sendings,
    stored,
    texts,
    timetable,
    traffic,
    unmatched,
    walks,
)
metadata = Base.metadata
