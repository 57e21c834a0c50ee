"""Every table of every room, gathered so that migrations and tests see them all."""

from config import alarms, audit, jobs, revisions, timetable
from config.database import Base
from keywords import rules
from matrix import accounts, departments, followers, inbox, menus, sendings

ROOMS = (
    accounts,
    alarms,
    audit,
    departments,
    followers,
    inbox,
    jobs,
    menus,
    revisions,
    rules,
    sendings,
    timetable,
)
metadata = Base.metadata
