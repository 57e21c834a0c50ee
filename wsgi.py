"""What the web server and the commands load."""

import os
from contextlib import suppress

from app import create_app, snapshots
from config import settings


def _take_turns() -> None:
    """Have the server's threads, made later, wait for their turn when they wake (Linux only).

    Otherwise each answer that is ready makes the thread that sends it cut in, which costs as much
    as the answer: now several leave at once.
    """
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


settings.check_or_exit()
application = create_app()
if "FLASK_RUN_FROM_CLI" not in os.environ:
    # a command looks once by itself; only a server must notice what others change
    snapshots.start_refresher()
    _take_turns()
