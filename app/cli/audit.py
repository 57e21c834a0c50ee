"""Command `audit verify`: whether the hash chain over the audit log is intact."""

import click

from app.cli.base import Command, Group
from config.audit import anchor, hash_chain
from config.database import read_only
from config.errors import DomainError


class ChainBroken(DomainError):
    """At least one seal does not match the rows it covers."""

    text = "操作记录与封条不符：\n{faults}"


class RootNotFound(DomainError):
    """A root hash that was written to the log, or kept in a file, is missing from the chain.

    Somebody has wiped the chain or computed it anew: it matches its rows, and is another one.
    """

    text = "封条中没有根哈希 {root}：日志或本机所记的封条已不在数据库中。"


@click.group("audit", cls=Group)
def audit_group() -> None:
    """Check the audit log: `verify` computes its seals anew."""


@click.command(cls=Command)
@click.option("--root", default="", help="A root hash from the log that must be among the seals.")
def verify(root: str) -> None:
    """Compute every seal anew; exit code 1 when one does not hold."""
    mismatches: list[str] = []
    rows = count = 0
    after: int | None = 0
    while after is not None:
        # one short transaction a segment: a long one would keep PostgreSQL from removing dead
        # rows and SQLite from shortening its WAL file
        with read_only():
            report = hash_chain.verify_segment(after)
        mismatches += report.mismatches.values()
        rows, count, after = rows + report.rows, count + report.seals, report.next_after
    if mismatches:
        raise ChainBroken(faults="\n".join(mismatches))
    with read_only():
        kept = anchor.read()
        if kept is not None and not hash_chain.contains_root(kept.root):
            raise RootNotFound(root=kept.root)
        if root and not hash_chain.contains_root(root):
            raise RootNotFound(root=root)
        last_seal = hash_chain.find_latest()
        root_hash = last_seal.root_hash if last_seal else "（尚无封条）"
    click.echo(f"已核对 {count} 枚封条、{rows} 条记录，均与封存时一致。")
    click.echo(f"最新的根哈希：{root_hash}")


audit_group.add_command(verify)
COMMANDS = (audit_group,)
