"""Commands for staff: the first administrator's link, new people, lost passwords.

Links are printed and not sent: the hub has no mail, and whoever may run commands on the server may
do all of this anyway.
"""

import click

from app.cli.base import Command, Group
from config import audit, clock, settings
from config.database import transaction
from config.errors import NotFound
from matrix import accounts, departments
from matrix.staff import grants, members
from matrix.staff.grants import GrantSpec
from matrix.staff.members import Staff
from matrix.staff.roles import Role
from matrix.staff.sign_in import authentication, one_time_links, throttle, two_factor
from matrix.staff.sign_in.one_time_links import LinkPurpose

_ROLES = {role.value: role for role in Role}


class StaffNotFound(NotFound):
    """Nobody has this sign-in name."""

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
    # nobody is signed in here, and the audit log must not say that the hub did it by itself
    with transaction(), audit.acting_as(audit.Actor("命令行")):
        department_id = departments.get_by_slug(department).id if department else None
        account_id = accounts.get_by_appid(appid).id if appid else None
        member_row = members.create(
            sign_in_name=sign_in_name, name=name, department_id=department_id, now=now
        )
        grant_target = (
            {"account_id": account_id} if account_id else {"department_id": department_id}
        )
        grants.create(member_row.id, GrantSpec(role=_ROLES[role], **grant_target), by=None, now=now)
        secret = one_time_links.create(LinkPurpose.INVITE, member_row.id, now=now)
    click.echo(f"已添加{name}（{_ROLES[role].label}）。设置密码的链接，72 小时内有效，只能用一次：")
    click.echo(_link_url(secret))


@staff.command(cls=Command)
@click.argument("sign_in_name")
@click.option("--second-factor", is_flag=True, help="Take the second factor away as well.")
def reset(sign_in_name: str, second_factor: bool) -> None:
    """Unlock a person and print a one-time link that sets a new password."""
    now = clock.now()
    with transaction(), audit.acting_as(audit.Actor("命令行")):
        member_row = _get_staff(sign_in_name)
        throttle.clear(member_row.sign_in_name)
        if second_factor:
            two_factor.reset(member_row, now=now)
        secret = one_time_links.create(LinkPurpose.RESET, member_row.id, now=now)
    click.echo("重设密码的链接，30 分钟内有效，只能用一次：")
    click.echo(_link_url(secret))


@staff.command("first-link", cls=Command)
def first_link() -> None:
    """Print the one-time link of the first administrator; nothing when there is one."""
    now = clock.now()
    with transaction(), audit.acting_as(audit.Actor("命令行")):
        # `make run` calls this at every start; it must print nothing once somebody can sign in
        if not authentication.needs_first_administrator(now=now):
            return
        secret = one_time_links.create(LinkPurpose.FIRST, None, now=now)
    click.echo(_link_url(secret))


COMMANDS = (staff,)


def _get_staff(sign_in_name: str) -> Staff:
    found = members.find_by_sign_in_name(sign_in_name)
    if found is None:
        raise StaffNotFound(name=sign_in_name)
    return found


def _link_url(secret: str) -> str:
    return f"{settings.get().base_url}/console/links/{secret}"
