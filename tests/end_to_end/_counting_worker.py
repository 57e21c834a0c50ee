"""A worker as it really runs, with one more job: `ways.count` counts up a revision.

python -m tests.end_to_end._counting_worker
"""

from datetime import datetime

from app import worker
from app.jobs import registry as handlers
from config import cache_versions
from config.jobs import JobName


class CountingJob(JobName):
    """The job that is counted."""

    COUNT = "end_to_end.count", "计数"


COUNT = CountingJob.COUNT


def count(*, number: int, now: datetime) -> None:
    """Count that this job was done, in the transaction of its completion."""
    cache_versions.invalidate(f"{COUNT}.{number}")


if __name__ == "__main__":
    handlers.TRANSACTIONAL[COUNT] = count
    worker.main()
