"""The commands for staff: links for the first administrator, new people, lost passwords."""

from collections.abc import Callable
from datetime import date

import pytest
from click.testing import Result
from flask import Flask

from app import cli
from config import clock
from matrix import departments
from matrix.staff import grants, members
from matrix.staff.roles import Role
from matrix.staff.sign_in import authentication, one_time_links, throttle
from matrix.staff.sign_in.one_time_links import LinkPurpose
from matrix.staff.sign_in.sessions import ClientInfo

Run = Callable[..., Result]
GOOD = "竹杖芒鞋轻胜马 2026"


@pytest.fixture
def run(rolled_back: None) -> Run:
    app = Flask("tests")
    cli.register(app)
    return lambda *words: app.test_cli_runner().invoke(args=list(words))


def secret_in(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output.strip().rpartition("/console/links/")[2]


def test_the_first_link_is_given_while_there_is_no_administrator(run: Run) -> None:
    old, new = secret_in(run("staff", "first-link")), secret_in(run("staff", "first-link"))
    now = clock.now()
    with pytest.raises(one_time_links.LinkExpired):
        one_time_links.get(old, now=now)
    link = one_time_links.get(new, now=now)
    authentication.create_first_administrator(
        link, sign_in_name="boss", name="某甲", password=GOOD, now=now
    )
    assert run("staff", "first-link").output == ""


def test_a_person_is_entered_with_a_role_in_a_department(run: Run) -> None:
    owner = departments.create(slug="police", name="公安局", kind="", now=clock.now())
    words = ["--sign-in", "wang.yi", "--name", "某甲", "--department", "police"]
    link = one_time_links.get(
        secret_in(run("staff", "create", *words, "--role", "editor")), now=clock.now()
    )
    person = members.find_by_sign_in_name("wang.yi")
    assert person is not None
    assert (link.staff_id, link.purpose) == (person.id, LinkPurpose.INVITE)
    (grant,) = grants.list_current([person.id])
    assert (grant.role, grant.department_id) == (Role.EDITOR, owner.id)

    again = run("staff", "create", *words, "--role", "editor")
    assert again.exit_code == 1
    assert "已有人使用" in again.output
    elsewhere = run("staff", "create", *words[:4], "--department", "nowhere", "--role", "editor")
    assert elsewhere.exit_code == 1
    assert grants.administrator_ids(today=date(2026, 3, 10)) == []


def test_a_locked_person_gets_a_link_and_is_unlocked(run: Run) -> None:
    now = clock.now()
    person = members.create(sign_in_name="wang.yi", name="某甲", department_id=None, now=now)
    for _ in range(5):
        throttle.admit_sign_in("wang.yi", ClientInfo("10.0.0.1"), now=now)
    link = one_time_links.get(secret_in(run("staff", "reset", "Wang.Yi")), now=clock.now())
    assert link.staff_id == person.id
    assert not throttle.is_guessed("wang.yi", now=clock.now())
    nobody = run("staff", "reset", "nobody")
    assert nobody.exit_code == 1
    assert "nobody" in nobody.output
