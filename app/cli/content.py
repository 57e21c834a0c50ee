"""Commands for the content: load files, load the demonstration, export as YAML."""

import secrets
from collections.abc import Sequence
from pathlib import Path

import click
from sqlalchemy import func, select

from app import content
from app.cli.base import Command
from app.content import export
from config import audit, clock, jobs
from config.database import read_only, run_in_transaction, session
from matrix.departments import Department
from matrix.media import MediaJob

_DEMO = Path(__file__).parents[2] / "config" / "demo"


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def load(files: tuple[Path, ...]) -> None:
    """Load YAML files; a wrong one changes nothing."""
    # printed only after the commit, so that no line promises what was rolled back
    click.echo(run_in_transaction(lambda: _load_files("已载入", files)))


@click.command(cls=Command)
def demo() -> None:
    """Load the demonstration into an empty database."""
    click.echo(run_in_transaction(_load_demo))


@click.command("export", cls=Command)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--with-secrets", "secrets_too", is_flag=True, help="Write tokens and keys as well.")
def export_all(folder: Path, secrets_too: bool) -> None:
    """Write the content as YAML files into a folder."""
    with read_only():
        for path in export.export_all(folder, with_secrets=secrets_too):
            click.echo(str(path))


COMMANDS = (load, demo, export_all)


def _load_demo() -> str:
    # `make run` calls this at every start: what staff have changed in the demonstration must stay
    if session.scalar(select(func.count()).select_from(Department)):
        return "数据库中已有单位，没有载入演示内容。"
    return _load_files("已载入演示内容", sorted(_DEMO.glob("*.yaml")))


def _load_files(heading: str, files: Sequence[Path]) -> str:
    """Load the files; a Chinese line with what was read and how many changes that made."""
    actor = audit.Actor("flask load", request_id=secrets.token_hex(6))
    with audit.acting_as(actor):
        # The audit entries of this run are the changes: loading the same files again makes none.
        # They are found by an id of their own.
        result = content.load(files, now=clock.now())
    session.flush()
    own_entries = audit.AuditEntry.request_id == actor.request_id
    changes = session.scalar(select(func.count()).select_from(audit.AuditEntry).where(own_entries))
    if changes:
        # new rules may send pictures that the accounts do not have at WeChat yet
        jobs.enqueue(MediaJob.REFRESH, key=MediaJob.REFRESH)
    return f"{heading}：{result}；{f'共 {changes} 处变更' if changes else '没有变化'}。"
