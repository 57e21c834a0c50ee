"""Time: instants are aware and in UTC, days are those of the city.

Views, jobs and commands call `now()` once and pass it on as the argument `now`, so that everything
in one transaction has the same time and a test can choose it.
"""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from config import settings


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def local(moment: datetime) -> datetime:
    """The same instant in the zone of TIMEZONE."""
    return moment.astimezone(ZoneInfo(settings.get().timezone))


def local_day(moment: datetime) -> date:
    """The calendar day of the city at an instant."""
    return local(moment).date()


def start_of_day(day: date) -> datetime:
    """The instant, in UTC, at which a calendar day of the city begins."""
    return datetime.combine(day, time(), ZoneInfo(settings.get().timezone)).astimezone(UTC)
