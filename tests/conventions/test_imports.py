"""The arrow: who may know whom."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

from tests.helpers.source_tree import OWN_PACKAGES, ROOT, Source, format_findings, read_sources


def test_who_may_import_whom() -> None:
    """The contracts stand in pyproject.toml, [tool.importlinter]; also through others' imports."""
    # a process of its own: it configures logging, which silences every logger there is
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_wechatpy_never_leaves_the_door_to_wechat() -> None:
    outside = [
        f"{source.location(statement)} imports {name}"
        for source in read_sources(*OWN_PACKAGES)
        if not source.module.startswith("matrix.wechat.")
        for name, statement in source.imports()
        if name.partition(".")[0] == "wechatpy"
    ]
    assert not outside, format_findings(outside)


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
