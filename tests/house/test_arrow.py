"""The arrow: who may know whom."""

import ast
from graphlib import TopologicalSorter

import pytest

from tests.fixtures.sources import OURS, ROOMS, Source, listed, read

MAY_IMPORT = {
    "config": {"config"},
    **{room: {"config", room} for room in ROOMS},
    "app": {"app", "config", *ROOMS},
    "simulator": {"simulator"},
}
BELOW_APP = ("config", *ROOMS)
WEB = {"flask", "werkzeug", "jinja2", "flask_login", "flask_wtf", "wtforms"}


@pytest.mark.parametrize("floor", OURS)
def test_a_floor_imports_only_what_stands_below_it(floor: str) -> None:
    strangers = [
        f"{source.at(statement)} imports {name}"
        for source in read(floor)
        for name, statement in source.imports()
        if name.partition(".")[0] in {*OURS, "tests", "bench", "tools"} - MAY_IMPORT[floor]
    ]
    assert not strangers, listed(strangers)


def test_nothing_below_app_knows_the_web() -> None:
    web = [
        f"{source.at(statement)} imports {name}"
        for source in read(*BELOW_APP)
        for name, statement in source.imports()
        if name.partition(".")[0] in WEB
    ]
    assert not web, listed(web)


def test_no_import_hides_inside_a_function() -> None:
    hidden = [
        source.at(node)
        for source in read(*OURS)
        for function in source.functions()
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not hidden, listed(hidden)


def test_no_module_stands_in_an_import_circle() -> None:
    sources = read(*OURS)
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
