"""Commands for the content: load files, load the demonstration, export."""

import secrets
from collections.abc import Sequence
from pathlib import Path

import click
from sqlalchemy import func, select

from app import loading
from app.cli.speaking import Command
from app.jobs import MEDIA_REFRESH
from app.loading import Loaded, export
from config import audit, clock, jobs
from config.database import reading, session, transaction
from matrix.departments import Department

_DEMO = Path(__file__).parents[2] / "config" / "demo"


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def load(files: tuple[Path, ...]) -> None:
    """Load YAML files; a wrong one changes nothing."""
    actor = _actor("load")
    with audit.acting(actor), transaction():
        loaded = loading.load(files, now=clock.now())
        click.echo(_told("已载入", loaded, actor))


@click.command(cls=Command)
def demo() -> None:
    """Load the demonstration into an empty database."""
    actor = _actor("demo")
    with audit.acting(actor), transaction():
        if session.scalar(select(func.count()).select_from(Department)):
            click.echo("数据库中已有单位，没有载入演示内容。")
            return
        loaded = loading.load(_demo_files(), now=clock.now())
        click.echo(_told("已载入演示内容", loaded, actor))


@click.command("export", cls=Command)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--with-secrets", "secrets_too", is_flag=True, help="Write tokens and keys as well.")
def export_all(folder: Path, secrets_too: bool) -> None:
    """Write the content as YAML files into a folder."""
    with reading():
        for path in export.export(folder, secrets=secrets_too):
            click.echo(str(path))


COMMANDS = (load, demo, export_all)


def _actor(command: str) -> audit.Actor:
    return audit.Actor(f"flask {command}", request_id=secrets.token_hex(6))


def _demo_files() -> Sequence[Path]:
    return sorted(_DEMO.glob("*.yaml"))


def _told(what: str, loaded: Loaded, actor: audit.Actor) -> str:
    """What was read, and how much of it was new: one audit row stands for one change.

    What is new may need pictures that the accounts do not have yet.
    """
    session.flush()
    written = session.scalar(
        select(func.count())
        .select_from(audit.Entry)
        .where(audit.Entry.request_id == actor.request_id)
    )
    if written:
        jobs.enqueue(MEDIA_REFRESH, key=MEDIA_REFRESH)
    news = f"共 {written} 处变更" if written else "没有变化"
    return f"{what}：{loaded}；{news}。"
