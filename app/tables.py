"""Every table of every room, gathered so that migrations and tests see them all."""

from config import alarms, audit, jobs, revisions, timetable
from config.audit import seals
from config.database import Base
from keywords import stored, texts
from matrix import accounts, articles, departments, followers, inbox, media, menus, sendings
from services import catalogue

ROOMS = (
    accounts,
    alarms,
    articles,
    audit,
    catalogue,
    departments,
    followers,
    inbox,
    jobs,
    media,
    menus,
    revisions,
    seals,
    sendings,
    stored,
    texts,
    timetable,
)
metadata = Base.metadata
