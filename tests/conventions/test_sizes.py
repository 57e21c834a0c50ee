"""Sizes: a file, a function and a nest that a person can take in at once."""

import ast
from collections.abc import Iterator

from tests.helpers.source_tree import OWN_PACKAGES, Source, format_findings, read_sources

FILE_LINES = 400
FUNCTION_LINES = 50
NESTING = 3

_NESTS = (
    ast.If | ast.For | ast.While | ast.With | ast.Try | ast.Match | ast.AsyncFor | ast.AsyncWith
)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _code(*tops: str) -> list[Source]:
    """Sources below some folders, without migrations, which are lists."""
    return [source for source in read_sources(*tops) if "migrations" not in source.path.parts]


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    long = {
        str(source.path): lines
        for source in _code(*OWN_PACKAGES, "tools", "bench", "tests")
        if (lines := source.text.count("\n")) > FILE_LINES
    }
    assert not long, format_findings(long)


def test_no_function_is_longer_than_fifty_lines() -> None:
    long = {
        f"{source.location(function)} {function.name}": lines
        for source in _code(*OWN_PACKAGES, "tools", "bench")
        for function in source.functions()
        if (lines := _lines(function)) > FUNCTION_LINES
    }
    assert not long, format_findings(long)


def test_nothing_nests_deeper_than_three() -> None:
    found = list(_deep(_code(*OWN_PACKAGES, "tools", "bench")))
    assert not found, format_findings(found)


def test_every_signature_is_typed() -> None:
    bare = [
        f"{source.location(function)} {function.name}"
        for source in _code(*OWN_PACKAGES, "tools", "bench")
        for function in source.functions()
        if function.returns is None
    ]
    assert not bare, format_findings(bare)


def test_every_public_function_and_module_says_what_it_is_for() -> None:
    silent = [
        f"{source.path}:{getattr(node, 'lineno', 1)}"
        for source in _code(*OWN_PACKAGES)
        for node in _public(source)
        if ast.get_docstring(node) is None
    ]
    assert not silent, format_findings(silent)


def _lines(function: _Function) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def _deep(sources: list[Source]) -> Iterator[str]:
    for source in sources:
        for function in source.functions():
            if (depth := max(_depths(function.body, 0), default=0)) > NESTING:
                yield f"{source.location(function)} {function.name} nests {depth} deep"


def _depths(body: list[ast.stmt], depth: int) -> Iterator[int]:
    for statement in body:
        if not isinstance(statement, _NESTS):
            continue
        yield depth + 1
        for name in ("body", "handlers", "orelse", "finalbody", "cases"):
            yield from _inside(statement, name, depth)


def _inside(statement: ast.stmt, name: str, depth: int) -> Iterator[int]:
    branch = getattr(statement, name, [])
    # an `elif` is written as an `if` within `else`, and is no deeper
    is_elif = name == "orelse" and isinstance(statement, ast.If) and len(branch) == 1
    if is_elif and isinstance(branch[0], ast.If):
        yield from _depths(branch, depth)
    elif name in ("handlers", "cases"):
        for part in branch:
            yield from _depths(part.body, depth + 1)
    else:
        yield from _depths(branch, depth + 1)


def _public(source: Source) -> Iterator[ast.Module | ast.ClassDef | _Function]:
    if source.tree.body:
        yield source.tree
    for node in _named_publicly(source.tree):
        yield node
        if isinstance(node, ast.ClassDef):
            yield from _named_publicly(node)


def _named_publicly(holder: ast.Module | ast.ClassDef) -> Iterator[ast.ClassDef | _Function]:
    for node in holder.body:
        if isinstance(node, ast.ClassDef | _Function) and not node.name.startswith("_"):
            yield node
