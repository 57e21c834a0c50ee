"""What the processes of the hub import, loaded once and inherited by each (forked.py).

None of these may start a thread, open a file or read a setting when it is imported: the processes
would share it.
"""

import gc
from importlib import import_module

for _name in (
    "apscheduler.schedulers.blocking",
    "apscheduler.triggers.cron",
    "flask.cli",
    "granian.cli",
    "granian.server.mp",
    "app.broker",
    "app.cli",
    "app.jobs.registry",
    "simulator",
):
    import_module(_name)

# what is never collected again stays in pages of memory that all processes share
gc.collect()
gc.freeze()
