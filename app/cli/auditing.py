"""Commands about the audit: whether its seals hold."""

import click

from app.cli.speaking import Command, Group
from config.audit import seals
from config.database import reading
from config.errors import DomainError


class Broken(DomainError):
    """The audit is not what was sealed."""

    text = "操作记录与封条不符：\n{faults}"


class RootMissing(DomainError):
    """A root that the log names is not in the chain."""

    text = "封条中没有根哈希 {root}：日志所记的封条已不在数据库中。"


@click.group("audit", cls=Group)
def audit_group() -> None:
    """Look after the audit: `verify` computes its seals anew."""


@click.command(cls=Command)
@click.option("--root", default="", help="A root hash from the log that must be among the seals.")
def verify(root: str) -> None:
    """Compute every seal anew; exit code 1 when one does not hold."""
    faults: list[str] = []
    rows = count = 0
    after: int | None = 0
    while after is not None:
        with reading():
            checked = seals.check(after)
        faults += checked.faults.values()
        rows, count, after = rows + checked.rows, count + checked.seals, checked.next
    if faults:
        raise Broken(faults="\n".join(faults))
    with reading():
        if root and not seals.holds_root(root):
            raise RootMissing(root=root)
        last = seals.newest()
        newest = last.root_hash if last else "（尚无封条）"
    click.echo(f"已核对 {count} 枚封条、{rows} 条记录，均与封存时一致。")
    click.echo(f"最新的根哈希：{newest}")


audit_group.add_command(verify)
COMMANDS = (audit_group,)
