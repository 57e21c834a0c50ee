"""The commands: `flask --app wsgi …`. They are edges: they open transactions and read the clock.

    auditing.py     audit verify
    content.py      load, demo, export
    explaining.py   explain
    staff.py        staff create, reset, first-link
    upkeep.py       migrate, jobs, reseal

What a rule refuses, and a database that cannot be used, is one line on the standard error and
exit code 1.
"""

from flask import Flask

from app.cli import audit, content, explain, maintenance, staff


def register(app: Flask) -> None:
    """Give the application its commands."""
    for module in (audit, content, explain, staff, maintenance):
        for command in module.COMMANDS:
            app.cli.add_command(command)
