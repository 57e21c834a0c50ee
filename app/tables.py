"""Every table of every room, gathered so that migrations and tests see them all."""

from config import alarms, audit, jobs, revisions, timetable
from config.database import Base
from keywords import stored, texts
from matrix import accounts, articles, departments, followers, inbox, sendings
from matrix.codes import scans, scenes
from matrix.media import files, uploads
from matrix.menus import conditional, sights, versions
from services import catalogue

ROOMS = (
    accounts,
    alarms,
    articles,
    audit,
    catalogue,
    conditional,
    departments,
    files,
    followers,
    inbox,
    jobs,
    revisions,
    scans,
    scenes,
    sendings,
    sights,
    stored,
    texts,
    timetable,
    uploads,
    versions,
)
metadata = Base.metadata
