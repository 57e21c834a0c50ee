"""The clock. Only edges read it; deeds are given `now`."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from config import settings


def now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


def local(moment: datetime) -> datetime:
    """The same instant on the wall clocks of the city."""
    return moment.astimezone(ZoneInfo(settings.get().timezone))


def local_day(moment: datetime) -> date:
    """The city's calendar day at this instant."""
    return local(moment).date()


def start_of_day(day: date) -> datetime:
    """The instant at which a calendar day of the city begins, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(settings.get().timezone)).astimezone(UTC)
