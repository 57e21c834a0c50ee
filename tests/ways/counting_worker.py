"""A worker as it really runs, with one more job: `ways.count` counts up a revision.

python -m tests.ways.counting_worker
"""

from datetime import datetime

from app import jobs as handlers
from app import worker
from config import revisions

COUNT = "ways.count"


def count(*, number: int, now: datetime) -> None:
    """Count that this job was done, in the transaction of its completion."""
    revisions.bump(f"{COUNT}.{number}")


if __name__ == "__main__":
    handlers.INSIDE[COUNT] = count
    worker.main()
