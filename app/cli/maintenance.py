"""Commands for operators: the schema, dead jobs, new encryption keys."""

import click
from sqlalchemy import Table, select, update

from app import migrate, models
from app.cli.base import Command, Group
from config import clock, jobs
from config.database import read_only, session, transaction
from config.errors import NotFound
from config.jobs import Job, JobState
from config.security.crypto import EncryptedText


class DeadJobNotFound(NotFound):
    """There is no dead job with this id; others need no second start."""

    text = "没有编号为 {id} 的失败任务。"


@click.command(cls=Command)
def migrate_command() -> None:
    """Bring the database to the newest schema."""
    migrate.upgrade()
    click.echo(f"数据库结构：{migrate.current_revision()}。")


@click.group("jobs", cls=Group, invoke_without_command=True)
@click.pass_context
def dead_jobs(context: click.Context) -> None:
    """List the jobs that failed too often; `revive ID` tries one again."""
    if context.invoked_subcommand is None:
        context.invoke(list_dead)


@click.command("list", cls=Command)
def list_dead() -> None:
    """List the jobs that failed too often."""
    with read_only():
        rows = session.scalars(select(Job).where(Job.state == JobState.DEAD).order_by(Job.id))
        lines = [_format_job(row) for row in rows]
    click.echo("\n".join(lines) or "没有失败的任务。")


@click.command(cls=Command)
@click.argument("job_id", type=int)
def revive(job_id: int) -> None:
    """Give a dead job a new life."""
    with transaction():
        if not jobs.retry_dead(job_id, now=clock.now()):
            raise DeadJobNotFound(id=job_id)
    click.echo(f"任务 {job_id} 将重新执行。")


@click.command(cls=Command)
def reseal() -> None:
    """Encrypt every stored secret anew with the first key of FIELD_KEYS."""
    with transaction():
        # All tables in one transaction: stopped half-way, some rows would need the old key and
        # some the new one, and nobody could say when the old one may go. Any key of FIELD_KEYS
        # can read, so the hub may run meanwhile.
        count = sum(_reencrypt_table(table) for table in models.metadata.sorted_tables)
    click.echo(f"已用当前密钥重新加密 {count} 行。")


dead_jobs.add_command(list_dead)
dead_jobs.add_command(revive)
COMMANDS = (migrate_command, dead_jobs, reseal)


def _format_job(row: Job) -> str:
    ended = f"{clock.local(row.finished_at):%Y-%m-%d %H:%M}" if row.finished_at else ""
    return f"{row.id}  {ended}  {row.name}  {row.attempts} 次  {row.last_error or ''}"


def _reencrypt_table(table: Table) -> int:
    """Decrypt and encrypt again every EncryptedText column of a table. How many rows."""
    encrypted_columns = [
        column for column in table.columns if isinstance(column.type, EncryptedText)
    ]
    if not encrypted_columns:
        return 0
    key = table.primary_key.columns[0]
    # locked, so that a secret that somebody changes at this moment is not overwritten by the old
    # one
    rows = session.execute(select(key, *encrypted_columns).with_for_update()).all()
    for row in rows:
        values = dict(zip((column.name for column in encrypted_columns), row[1:], strict=True))
        session.execute(update(table).where(key == row[0]).values(values))
    return len(rows)
