"""Routes: each says who may open it, and what changes something is not reached by a link."""

import pytest
from flask import Flask

from app import create_app
from app.console import site as console_site
from config.permissions import Permission
from tests.helpers.source_tree import format_findings

# whoever adds a line here opens a door to everybody
PUBLIC = {
    "health.healthz",
    "health.readyz",
    "health.metrics",  # guards itself: this machine, or a token
    "csp_reports.report",
    "static",
    "sign_in.index",
    "sign_in.two_factor",
    "sign_in.one_time_link",
}


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app()


def test_every_route_has_its_rights_or_is_public(app: Flask) -> None:
    bare = []
    for rule in app.url_map.iter_rules():
        mark = getattr(app.view_functions[rule.endpoint], "needs", None)
        if mark in (None, "public"):
            is_guarded = rule.endpoint in PUBLIC
        else:
            is_guarded = mark == "signed_in" or (
                bool(mark) and all(isinstance(right, Permission) for right in mark)
            )
        if not is_guarded:
            bare.append(f"{rule.rule} → {rule.endpoint}")
    assert not bare, format_findings(bare)


def test_the_public_list_names_only_what_is_there(app: Flask) -> None:
    assert not PUBLIC - app.view_functions.keys()


def test_everything_for_staff_lies_below_the_console(app: Flask) -> None:
    # its blueprints carry the guard and the unit of work
    guarded = {blueprint.name for blueprint in console_site.blueprints}
    strays = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if hasattr(app.view_functions[rule.endpoint], "needs")
        and not (rule.rule.startswith("/console/") and rule.endpoint.partition(".")[0] in guarded)
    ]
    assert not strays, format_findings(strays)


def test_nothing_but_the_console_answers_below_its_address(app: Flask) -> None:
    guarded = {blueprint.name for blueprint in console_site.blueprints}
    strays = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/console") and rule.endpoint.partition(".")[0] not in guarded
    ]
    assert not strays, format_findings(strays)


def test_only_actions_ask_for_the_second_factor_again(app: Flask) -> None:
    # the page that asks hands the form in again, by POST
    wrong = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if hasattr(app.view_functions[rule.endpoint], "is_confirmed")
        and (rule.methods or set()) & {"GET"}
    ]
    assert not wrong, format_findings(wrong)
