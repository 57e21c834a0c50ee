"""Base classes of the commands: an expected error is one line, and the exit status is 1.

Without them click would show a stack trace for a mistyped name or a database that is down.
"""

from typing import Any

import click
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from config.errors import DomainError
from config.security.crypto import DecryptionFailed
from config.settings import SettingsError


class _ErrorReportingCommand(click.Command):
    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; print an expected error to standard error and exit with 1."""
        try:
            return super().invoke(ctx)
        # anything else is a mistake of the program, and its stack trace is wanted
        except (DomainError, SettingsError, DecryptionFailed) as error:
            click.echo(str(error), err=True)
        except DBAPIError as error:
            click.echo(_database_message(error), err=True)
        return ctx.exit(1)


class Command(_ErrorReportingCommand):
    """One command."""


class Group(_ErrorReportingCommand, click.Group):
    """A command with others below it."""


def _database_message(error: DBAPIError) -> str:
    reason = str(error.orig).strip().partition("\n")[0]
    # a missing table is an OperationalError of sqlite3 and a ProgrammingError of psycopg
    if isinstance(error, OperationalError | ProgrammingError):
        return f"数据库不可用，或结构不是最新（flask --app wsgi migrate）：{reason}"
    return f"数据库拒绝了更改：{reason}"
