"""Commands for who keeps the hub running: the schema, dead jobs, new encryption keys."""

import click
from sqlalchemy import Table, select, update

from app import schema, tables
from app.cli.speaking import Command, Group
from config import clock, jobs
from config.crypto import Sealed
from config.database import reading, session, transaction
from config.errors import NotFound
from config.jobs import Job, State


class NoDeadJob(NotFound):
    """Only a dead job can be given a new life."""

    text = "没有编号为 {id} 的失败任务。"


@click.command(cls=Command)
def migrate() -> None:
    """Bring the database to the newest schema."""
    schema.upgrade()
    click.echo(f"数据库结构：{schema.standing()}。")


@click.group("jobs", cls=Group, invoke_without_command=True)
@click.pass_context
def dead_jobs(context: click.Context) -> None:
    """List the jobs that failed too often; `revive ID` tries one again."""
    if context.invoked_subcommand is None:
        context.invoke(list_dead)


@click.command("list", cls=Command)
def list_dead() -> None:
    """List the jobs that failed too often."""
    with reading():
        rows = session.scalars(select(Job).where(Job.state == State.DEAD).order_by(Job.id))
        lines = [_line(row) for row in rows]
    click.echo("\n".join(lines) or "没有失败的任务。")


@click.command(cls=Command)
@click.argument("job_id", type=int)
def revive(job_id: int) -> None:
    """Give a dead job a new life."""
    with transaction():
        if not jobs.revive(job_id, now=clock.now()):
            raise NoDeadJob(id=job_id)
    click.echo(f"任务 {job_id} 将重新执行。")


@click.command(cls=Command)
def reseal() -> None:
    """Encrypt every stored secret anew with the first key of FIELD_KEYS."""
    with transaction():
        count = sum(_reseal(table) for table in tables.metadata.sorted_tables)
    click.echo(f"已用当前密钥重新加密 {count} 行。")


dead_jobs.add_command(list_dead)
dead_jobs.add_command(revive)
COMMANDS = (migrate, dead_jobs, reseal)


def _line(row: Job) -> str:
    ended = f"{clock.local(row.finished_at):%Y-%m-%d %H:%M}" if row.finished_at else ""
    return f"{row.id}  {ended}  {row.name}  {row.attempts} 次  {row.last_error or ''}"


def _reseal(table: Table) -> int:
    """Read what is sealed in a table and write it back. Returns how many rows."""
    sealed = [column for column in table.columns if isinstance(column.type, Sealed)]
    if not sealed:
        return 0
    key = table.primary_key.columns[0]
    rows = session.execute(select(key, *sealed).with_for_update()).all()
    for row in rows:
        values = dict(zip((column.name for column in sealed), row[1:], strict=True))
        session.execute(update(table).where(key == row[0]).values(values))
    return len(rows)
