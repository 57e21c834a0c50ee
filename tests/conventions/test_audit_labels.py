"""The audit: what the code records has its Chinese name, and every name is used."""

import ast
from collections.abc import Iterator

from config.audit import labels
from tests.helpers.source_tree import OWN_PACKAGES, Source, format_findings, read_sources

_Function = ast.FunctionDef | ast.AsyncFunctionDef
WORDS = "config/audit/labels.py"


def _calls(home: Source, name: str) -> Iterator[tuple[Source, ast.Call]]:
    """Every call of a module's function: by its name at home, as `module.name` elsewhere."""
    for source in [home] if name.startswith("_") else read_sources(*OWN_PACKAGES):
        known_as = name if source is home else f"{home.module.rpartition('.')[2]}.{name}"
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == known_as:
                yield source, node


def _recorded(keyword: str | None) -> Iterator[tuple[str, str]]:
    """Where something is recorded, and its action (None) or what this keyword says."""
    for source in read_sources(*OWN_PACKAGES):
        for call in ast.walk(source.tree):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "audit.record":
                given = {each.arg: each.value for each in call.keywords}
                argument = call.args[0] if keyword is None else given[keyword]
                yield from _literals(source, call, argument)


def _literals(source: Source, call: ast.Call, argument: ast.expr) -> Iterator[tuple[str, str]]:
    """The texts an argument may be: written there, a constant, or handed on by the callers."""
    if isinstance(argument, ast.Constant):
        yield source.location(call), str(argument.value)
    elif isinstance(argument, ast.IfExp):
        yield from _literals(source, call, argument.body)
        yield from _literals(source, call, argument.orelse)
    elif isinstance(argument, ast.Name):
        yield from _named(source, call, argument.id)
    else:
        yield source.location(call), f"?{ast.unparse(argument)}"


def _named(source: Source, call: ast.Call, name: str) -> Iterator[tuple[str, str]]:
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            yield from _literals(source, call, node.value)
            return
    holder = next(
        function
        for function in source.functions()
        if any(inner is call for inner in ast.walk(function))
    )
    parameters = [*holder.args.posonlyargs, *holder.args.args, *holder.args.kwonlyargs]
    names = [parameter.arg for parameter in parameters]
    if name not in names:
        yield source.location(call), f"?{name}"
        return
    for place, each in _calls(source, holder.name):
        yield from _literals(place, each, _given(each, names, name))


def _given(call: ast.Call, names: list[str], name: str) -> ast.expr:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    position = names.index(name)
    return call.args[position] if position < len(call.args) else ast.Name("left out")


def test_every_action_is_written_out_where_it_is_recorded() -> None:
    hidden = [f"{place} records {text[1:]}" for place, text in _recorded(None) if text[0] == "?"]
    assert not hidden, (
        "write the action as a literal, or hand it on as an argument of a function: "
        + format_findings(hidden)
    )


def test_every_action_has_its_label() -> None:
    missing = {
        f'    "{text}": "…",   # {place}'
        for place, text in _recorded(None)
        if text[0] != "?" and text not in labels.ACTIONS
    }
    assert not missing, f"add to ACTIONS in {WORDS}, in Chinese:" + format_findings(sorted(missing))


def test_every_kind_of_object_has_its_label() -> None:
    missing = {
        f'    "{text}": "…",   # {place}'
        for place, text in _recorded("kind")
        if text not in labels.KINDS
    }
    assert not missing, f"add to KINDS in {WORDS}, in Chinese:" + format_findings(sorted(missing))


def test_every_field_that_is_written_out_has_its_label() -> None:
    missing = {
        f'    "{key.value}": "…",   # {source.location(call)}'
        for source in read_sources(*OWN_PACKAGES)
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "audit.record"
        for keyword in call.keywords
        if keyword.arg in ("before", "after") and isinstance(keyword.value, ast.Dict)
        for key in keyword.value.keys
        if isinstance(key, ast.Constant) and key.value not in labels.FIELDS
    }
    assert not missing, f"add to FIELDS in {WORDS}, in Chinese:" + format_findings(sorted(missing))


def test_no_label_is_left_of_what_nobody_records() -> None:
    idle = labels.ACTIONS.keys() - {text for _, text in _recorded(None)}
    idle |= labels.KINDS.keys() - {text for _, text in _recorded("kind")}
    assert not idle, f"take out of {WORDS}:" + format_findings(sorted(idle))


def test_labels_stand_in_order_and_are_chinese() -> None:
    for texts in (labels.ACTIONS, labels.KINDS, labels.FIELDS, labels.VALUES):
        assert list(texts) == sorted(texts)
        assert all(not label.isascii() for label in texts.values())
