"""Jobs: what is asked for is done by somebody."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module

from app import scheduler
from app.jobs import registry as handlers
from config.jobs import Handler
from tests.helpers.source_tree import OWN_PACKAGES, Source, format_findings, read_sources

HANDLERS: dict[str, Handler] = {**handlers.TRANSACTIONAL, **handlers.NON_TRANSACTIONAL}
_NOT_FACTS = {"due", "key"}


def _asked() -> Iterator[tuple[str, str, set[str]]]:
    """Every call of `jobs.enqueue`: where, the job's name, the facts it gives."""
    for source in read_sources(*OWN_PACKAGES):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "jobs.enqueue":
                facts = {keyword.arg or "**" for keyword in node.keywords} - _NOT_FACTS
                for name in _names(source, node.args[0]):
                    yield source.location(node), name, facts


def _names(source: Source, argument: ast.expr) -> list[str]:
    """The names a first argument stands for: a constant of its module, or the timetable's."""
    if isinstance(argument, ast.Constant):
        return [str(argument.value)]
    module = import_module(source.module)
    if source.module == "app.scheduler":
        return list(scheduler.CRON_JOBS)
    return [str(eval(ast.unparse(argument), vars(module)))]


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
