"""Jobs and alerts: each declared name is asked for and handled; the app opens transactions."""

import ast
import inspect
from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module

from app import scheduler
from app.alert_kinds import KINDS
from app.jobs import registry as handlers
from config.jobs import Handler
from tests.helpers.source_tree import OWN_PACKAGES, Source, format_findings, read_sources

HANDLERS: dict[str, Handler] = {
    name: handler
    for table in (handlers.TRANSACTIONAL, handlers.NON_TRANSACTIONAL)
    for name, handler in table.items()
}
_OPENERS = {"transaction", "read_only", "run_in_transaction"}
_NOT_FACTS = {"due", "key"}


def _declared(base: str) -> list[StrEnum]:
    """The members of all enums below a base, from the sources: also those nobody imports."""
    return [
        member
        for source in read_sources(*OWN_PACKAGES)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and base in map(ast.unparse, node.bases)
        for member in getattr(import_module(source.module), node.name)
    ]


def _asked() -> Iterator[tuple[str, str, set[str]]]:
    """Every call of `jobs.enqueue`: where, the job's name, the facts it gives."""
    for source in read_sources(*OWN_PACKAGES):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "jobs.enqueue":
                facts = {keyword.arg or "**" for keyword in node.keywords} - _NOT_FACTS
                for name in _names(source, node.args[0]):
                    yield source.location(node), name, facts


def _names(source: Source, argument: ast.expr) -> list[str]:
    """The names a first argument stands for: a member of an enum, or those given to a function."""
    module = import_module(source.module)
    if source.module == "app.scheduler":
        return list(scheduler.CRON_JOBS)
    if source.module == "app.jobs.account_checks":
        return [
            eval(ast.unparse(node.args[0]), vars(module))
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "_enqueue"
        ]
    return [eval(ast.unparse(argument), vars(module))]


def test_every_declared_name_has_a_handler_and_every_handler_a_name() -> None:
    declared = _declared("JobName")
    assert len(declared) > 20
    assert sorted(declared) == sorted(HANDLERS), "each name once, and nothing beside them"


def test_every_job_that_is_asked_for_has_a_handler() -> None:
    orphans = [f"{place} asks for {name}" for place, name, _ in _asked() if name not in HANDLERS]
    assert not orphans, format_findings(orphans)


def test_every_handler_takes_the_facts_it_is_given() -> None:
    wrong = [
        f"{place} gives {sorted(facts)} to {name}{inspect.signature(HANDLERS[name])}"
        for place, name, facts in _asked()
        if facts | {"now"} != set(inspect.signature(HANDLERS[name]).parameters)
    ]
    assert not wrong, format_findings(wrong)


def test_every_handler_is_asked_for_by_somebody() -> None:
    idle = set(HANDLERS) - {name for _, name, _ in _asked()}
    assert not idle, format_findings(sorted(idle))


def test_a_job_runs_inside_its_transaction_or_outside_but_not_both() -> None:
    assert not handlers.TRANSACTIONAL.keys() & handlers.NON_TRANSACTIONAL.keys()


def test_every_kind_of_alert_has_one_label_and_the_console_knows_it() -> None:
    declared = _declared("AlertKind")
    assert sorted(declared) == sorted(KINDS)
    assert len({kind.label for kind in KINDS.values()}) == len(declared)
    names = [*handlers.TRANSACTIONAL, *handlers.NON_TRANSACTIONAL]
    assert len({name.label for name in names}) == len(names)


def test_every_kind_of_alert_is_raised_by_somebody() -> None:
    raised = {
        ast.unparse(node.args[0]).rpartition(".")[-1]
        for source in read_sources(*OWN_PACKAGES)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "alerts.raise_alert"
    }
    idle = [kind for kind in _declared("AlertKind") if kind.name not in raised]
    assert not idle, format_findings(sorted(idle))


def test_no_room_below_the_app_opens_a_transaction() -> None:
    """A function of a room is a part of its caller's transaction, so that callers can join them."""
    opening = [
        f"{source.location(statement)} imports {name}"
        for source in read_sources("keywords", "services", "matrix")
        for name, statement in source.imports()
        if name.startswith("config.database") and name.rpartition(".")[-1] in _OPENERS
    ]
    assert not opening, format_findings(opening)
