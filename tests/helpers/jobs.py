"""Jobs: what was asked for, as a list of names."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from config.database import session
from config.jobs import Job


@pytest.fixture
def enqueued_jobs(rolled_back: None) -> Callable[[], list[str]]:
    """Call it for the names of all jobs written so far, oldest first."""

    def names() -> list[str]:
        return list(session.scalars(select(Job.name).order_by(Job.id)))

    return names
