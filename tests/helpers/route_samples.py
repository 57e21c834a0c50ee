"""The path of every route of the console, its parts filled in, for tests that visit them all.

    samples.visits("police")  ──> Visit(rule, path) for each route below /console

The objects (route_objects.py) are created once for each engine and run, in a template
(databases.py); a test gets a copy.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from app import snapshots
from config import settings
from matrix.accounts import callback_stats
from tests.helpers.console import ADDRESS, Console, application
from tests.helpers.hub import Hub
from tests.helpers.route_objects import BY_ROUTE, LITERALS, SAMPLES, Values


@dataclass(frozen=True)
class Visit:
    """A route with the parts of its path filled in, and what its view demands of the visitor."""

    rule: Rule
    path: str
    permission_check: Any

    @property
    def write_methods(self) -> list[str]:
        """The methods of the route that may change data."""
        return sorted((self.rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"})

    @property
    def is_read(self) -> bool:
        """Whether the route answers GET."""
        return "GET" in (self.rule.methods or set())

    @property
    def has_owned_object(self) -> bool:
        """Whether its path names an object that belongs to somebody."""
        return bool(self.rule.arguments - LITERALS.keys())


class Samples:
    """The paths of all routes, with the samples of this test's database."""

    def __init__(self, app: Flask, values: dict[str, dict[str, str]]) -> None:
        self._app = app
        self._paths = values

    def visits(self, code: str) -> Iterator[Visit]:
        """Every route of the console, with the samples of a department."""
        for rule in _rules(self._app):
            mark = getattr(self._app.view_functions[rule.endpoint], "needs", None)
            yield Visit(rule, self._paths[code][f"{rule.endpoint} {rule.rule}"], mark)


def found() -> dict[str, dict[str, str]]:
    """Create the samples of two departments. Returns the paths for `Samples`, by department."""
    before, os.environ["PUBLIC_URL"] = os.environ["PUBLIC_URL"], ADDRESS
    settings.reset()
    snapshots.reset()
    console = Console(application(), Hub(), after=1000)  # numbers that no person of a test gets
    paths = {code: _paths(console, code) for code in ("police", "hrss")}
    snapshots.reset()
    callback_stats.reset()
    os.environ["PUBLIC_URL"] = before
    settings.reset()
    return paths


def _paths(console: Console, code: str) -> dict[str, str]:
    shared: Values = dict(LITERALS)
    for name, make in SAMPLES.items():
        shared[name] = make(console, code, shared)
    return {
        f"{rule.endpoint} {rule.rule}": _fill_path(console, rule, code, shared)
        for rule in _rules(console.app)
    }


def _rules(app: Flask) -> list[Rule]:
    rules = sorted(app.url_map.iter_rules(), key=lambda each: each.rule)
    return [rule for rule in rules if rule.rule.startswith("/console")]


def _fill_path(console: Console, rule: Rule, code: str, shared: Values) -> str:
    missing = rule.arguments - shared.keys()
    assert not missing, f"{rule.rule}: SAMPLES does not say how {sorted(missing)} are made"
    values = {name: shared[name] for name in rule.arguments}
    for name in {name for endpoint, name in BY_ROUTE if endpoint == rule.endpoint}:
        values[name] = BY_ROUTE[rule.endpoint, name](console, code, values)
    with console.app.test_request_context():
        _, path = rule.build(values) or ("", "")
    return path
