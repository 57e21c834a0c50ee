"""The sources of the house, read and parsed, for the tests that look at them."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOMAIN_PACKAGES = ("keywords", "services", "matrix")
OWN_PACKAGES = ("config", *DOMAIN_PACKAGES, "app", "simulator")


@dataclass(frozen=True)
class Source:
    """One Python file of ours. `module` is its dotted name, `path` stands below the root."""

    module: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def top_package(self) -> str:
        """The top-level package it lives in."""
        return self.module.partition(".")[0]

    def imports(self) -> Iterator[tuple[str, ast.stmt]]:
        """Each imported name in full (`config.jobs.enqueue`) with its statement."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                start = self._start(node)
                yield from ((f"{start}.{alias.name}".strip("."), node) for alias in node.names)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method, also inner ones."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def location(self, node: ast.stmt | ast.expr) -> str:
        """Where a node stands, as an editor understands it."""
        return f"{self.path}:{node.lineno}"

    def _start(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        depth = node.level - (self.path.name == "__init__.py")
        package = self.module.split(".")[: -depth or None]
        return ".".join([*package, node.module or ""]).strip(".")


def format_findings(found: Iterable[object]) -> str:
    """What a house test says when it fails: each finding on a line of its own."""
    lines = found.items() if isinstance(found, dict) else found
    return "\n" + "\n".join(str(line) for line in lines)


@cache
def read_sources(*tops: str) -> tuple[Source, ...]:
    """All Python files below top-level folders of the house, those that exist."""
    found = []
    for top in tops:
        for path in sorted((ROOT / top).rglob("*.py")):
            place = path.relative_to(ROOT)
            parts = place.with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            text = path.read_text(encoding="utf-8")
            found.append(Source(module, place, text, ast.parse(text)))
    return tuple(found)
