"""The commands: `flask --app wsgi …`.

    audit.py         audit verify
    content.py       load, demo, export
    explain.py       explain
    staff.py         staff create, reset, first-link
    maintenance.py   migrate, jobs, reseal

A command opens its own transactions and reads the clock, as a view does. What a rule refuses, and a
database that is unavailable, is one line on standard error and exit status 1.
"""

from flask import Flask

from app.cli import audit, content, explain, maintenance, staff


def register(app: Flask) -> None:
    """Add the commands to those of the application."""
    for module in (audit, content, explain, staff, maintenance):
        for command in module.COMMANDS:
            app.cli.add_command(command)
