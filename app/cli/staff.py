"""Commands for staff: the first administrator's link, new people, lost passwords."""

import click

from app.cli.speaking import Command, Group
from config import audit, clock, settings
from config.database import transaction
from config.errors import NotFound
from matrix import accounts, departments
from matrix.staff import factors, grants, links, people, sessions, signing, throttle
from matrix.staff.grants import Wish
from matrix.staff.links import Purpose
from matrix.staff.people import Staff
from matrix.staff.roles import LABELS, Role

_ROLES = {role.value: role for role in Role}


class NobodySo(NotFound):
    """The sign-in name is nobody's."""

    text = "没有登录名为“{name}”的人员。"


@click.group("staff", cls=Group)
def staff() -> None:
    """Enter people, and help those who cannot sign in."""


@staff.command(cls=Command)
@click.option("--sign-in", "sign_in_name", required=True, help="The name to sign in with.")
@click.option("--name", required=True, help="What the person is called.")
@click.option("--department", metavar="CODE", help="The department; without, the whole city.")
@click.option("--account", "appid", metavar="APPID", help="Only this account.")
@click.option("--role", type=click.Choice(sorted(_ROLES)), required=True)
def create(
    sign_in_name: str, name: str, department: str | None, appid: str | None, role: str
) -> None:
    """Enter a person with a role; prints a one-time link that sets the password."""
    now = clock.now()
    with transaction(), audit.acting(audit.Actor("命令行")):
        owner = departments.by_code(department).id if department else None
        account_id = accounts.by_appid(appid).id if appid else None
        person = people.add(sign_in_name=sign_in_name, name=name, department_id=owner, now=now)
        place = {"account_id": account_id} if account_id else {"department_id": owner}
        grants.give(person.id, Wish(_ROLES[role], **place), by=None, now=now)
        secret = links.make(Purpose.INVITE, person.id, now=now)
    click.echo(
        f"已添加{name}（{LABELS[_ROLES[role]]}）。设置密码的链接，72 小时内有效，只能用一次："
    )
    click.echo(_address(secret))


@staff.command(cls=Command)
@click.argument("sign_in_name")
@click.option("--second-factor", is_flag=True, help="Take the second factor away as well.")
def reset(sign_in_name: str, second_factor: bool) -> None:
    """Unlock a person and print a one-time link that sets a new password."""
    now = clock.now()
    with transaction(), audit.acting(audit.Actor("命令行")):
        person = _person(sign_in_name)
        throttle.clear(person.sign_in_name)
        if second_factor:
            factors.reset(person)
            sessions.end_all(person.id, why="第二步验证已重置", now=now)
        secret = links.make(Purpose.RESET, person.id, now=now)
    click.echo("重设密码的链接，30 分钟内有效，只能用一次：")
    click.echo(_address(secret))


@staff.command("first-link", cls=Command)
def first_link() -> None:
    """Print the one-time link of the first administrator; nothing when there is one."""
    now = clock.now()
    with transaction(), audit.acting(audit.Actor("命令行")):
        if not signing.is_without_administrator(now=now):
            return
        secret = links.make(Purpose.FIRST, None, now=now)
    click.echo(_address(secret))


COMMANDS = (staff,)


def _person(sign_in_name: str) -> Staff:
    found = people.by_sign_in_name(sign_in_name)
    if found is None:
        raise NobodySo(name=sign_in_name)
    return found


def _address(secret: str) -> str:
    return f"{settings.get().address}/console/links/{secret}"
