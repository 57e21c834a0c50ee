"""The schema: bring the database to the newest migration, and tell where it stands."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from config import database

_FOLDER = Path(__file__).parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config


def head() -> str:
    """The number of the newest migration in the code."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    if newest is None:
        raise LookupError("there are no migrations")
    return newest


def standing() -> str | None:
    """The number of the newest migration in the database; None for an empty one."""
    with database.engine().connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(revision: str = "head") -> None:
    """Run the migrations up to a revision."""
    command.upgrade(_config(), revision)


def downgrade(revision: str) -> None:
    """Undo the migrations down to a revision; `base` is an empty database."""
    command.downgrade(_config(), revision)
