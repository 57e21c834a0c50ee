"""The arrow: who may know whom."""

import ast
from graphlib import TopologicalSorter

import pytest

from tests.helpers.source_tree import (
    DOMAIN_PACKAGES,
    OWN_PACKAGES,
    Source,
    format_findings,
    read_sources,
)

MAY_IMPORT = {
    "config": {"config"},
    **{room: {"config", room} for room in DOMAIN_PACKAGES},
    "app": {"app", "config", *DOMAIN_PACKAGES},
    "simulator": {"simulator"},
}
BELOW_APP = ("config", *DOMAIN_PACKAGES)
WEB = {"flask", "werkzeug", "jinja2", "flask_login", "flask_wtf", "wtforms"}


@pytest.mark.parametrize("floor", OWN_PACKAGES)
def test_a_floor_imports_only_what_stands_below_it(floor: str) -> None:
    strangers = [
        f"{source.location(statement)} imports {name}"
        for source in read_sources(floor)
        for name, statement in source.imports()
        if name.partition(".")[0] in {*OWN_PACKAGES, "tests", "bench", "tools"} - MAY_IMPORT[floor]
    ]
    assert not strangers, format_findings(strangers)


def test_nothing_below_app_knows_the_web() -> None:
    web = [
        f"{source.location(statement)} imports {name}"
        for source in read_sources(*BELOW_APP)
        for name, statement in source.imports()
        if name.partition(".")[0] in WEB
    ]
    assert not web, format_findings(web)


def test_no_import_hides_inside_a_function() -> None:
    hidden = [
        source.location(node)
        for source in read_sources(*OWN_PACKAGES)
        for function in source.functions()
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not hidden, format_findings(hidden)


def test_no_module_stands_in_an_import_circle() -> None:
    sources = read_sources(*OWN_PACKAGES)
    modules = {source.module for source in sources}
    graph = {source.module: _imported(source, modules) for source in sources}
    assert list(TopologicalSorter(graph).static_order())  # raises CycleError with the circle


def _imported(source: Source, modules: set[str]) -> set[str]:
    found = set()
    for name, _ in source.imports():
        module = name if name in modules else name.rpartition(".")[0]
        if module in modules:
            found.add(module)
    return found - {source.module}
