"""Migrations: bring the database to the newest one, and tell which one it has.

Alembic is called as a library, without an alembic.ini: address and folder come from our settings.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from config import database

_MIGRATIONS = Path(__file__).parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def head_revision() -> str:
    """The revision of the newest migration in the code. Raises LookupError when there is none."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise LookupError("there are no migrations")
    return revision


def current_revision() -> str | None:
    """The revision of the newest migration in the database; None for an empty one."""
    with database.engine().connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(revision: str = "head") -> None:
    """Run the migrations up to a revision."""
    command.upgrade(_config(), revision)


def downgrade(revision: str) -> None:
    """Undo the migrations down to a revision; `base` is an empty database."""
    command.downgrade(_config(), revision)
