"""How Alembic reaches the hub's database: through the hub's own engine."""

from alembic import context

from config import database


def run() -> None:
    """Run migrations in one transaction where the engine allows it."""
    with database.engine().connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=database.Base.metadata,  # for the names of constraints
            render_as_batch=connection.dialect.name == "sqlite",
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
