"""Every table of every room, gathered so that migrations and tests see them all."""

from config import alarms, audit, jobs, revisions, timetable
from config.database import Base
from keywords import history, policies, stored, texts
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
    history,
    inbox,
    jobs,
    media,
    menus,
    policies,
    revisions,
    sendings,
    stored,
    texts,
    timetable,
)
metadata = Base.metadata
