"""Every table of every room, gathered so that migrations and tests see them all."""

from config import alarms, audit, jobs, revisions, timetable
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
    followers,
    inbox,
    jobs,
    media,
    menus,
    probes,
    revisions,
    sendings,
    stored,
    surveys,
    texts,
    timetable,
)
metadata = Base.metadata
