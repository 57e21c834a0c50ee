"""Requirements: what we import is named, and what is named is pinned."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions

from tests.helpers.source_tree import OWN_PACKAGES, ROOT, Source, format_findings, read_sources

_PINNED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==[\w.+]+")


def _named(*files: str) -> set[str]:
    return {
        _plain(match[1])
        for name in files
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
        if (match := _PINNED.match(line))
    }


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _imported(*tops: str) -> dict[str, str]:
    """Packages of others, with one place each where they are imported or looked for."""
    ours = {*OWN_PACKAGES, "tests", "bench", "tools", "wsgi", *sys.stdlib_module_names}
    return {
        name.partition(".")[0]: source.location(node)
        for source in read_sources(*tops)
        for name, node in (*source.imports(), *_looked_for(source))
        if name.partition(".")[0] not in ours
    }


def _looked_for(source: Source) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("find_spec"):
            yield ast.literal_eval(node.args[0]), node


def _unnamed(imported: dict[str, str], named: set[str]) -> list[str]:
    distributions = packages_distributions()
    return [
        f"{place} imports {package}"
        for package, place in imported.items()
        if not named & {_plain(name) for name in distributions.get(package, [package])}
    ]


def test_every_requirement_is_pinned() -> None:
    loose = [
        line
        for name in ("requirements.txt", "requirements-dev.txt")
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#") and not _PINNED.match(line)
    ]
    assert not loose, format_findings(loose)


def test_the_hub_imports_only_what_it_requires() -> None:
    found = _unnamed(_imported(*OWN_PACKAGES), _named("requirements.txt"))
    assert not found, format_findings(found)


def test_tests_import_only_what_development_requires() -> None:
    # the tests of bench/ run where `make bench` has installed its peers
    named = _named("requirements.txt", "requirements-dev.txt", "bench/requirements.txt")
    found = _unnamed(_imported("tests", "tools"), named)
    assert not found, format_findings(found)
