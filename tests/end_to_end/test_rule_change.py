"""A changed rule answers at once in every running web process, and no push asks for rules."""

from collections.abc import Iterator
from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import event

from config import clock
from config.database import engine, transaction
from keywords.rules import spec, store
from matrix.inbox import fast_store
from tests.end_to_end import _commands
from tests.end_to_end._load_client import LoadClient
from tests.helpers import ports
from tests.helpers.city import RULES
from tests.helpers.hub import Hub
from tests.helpers.processes import Processes, is_answering

TIMEOUT = 10.0  # seconds; two are promised where nothing else is to be done


def rule(words: str) -> dict[str, Any]:
    return RULES[0] | {"reply": {"type": "text", "content": words}}


@pytest.mark.processes
@pytest.mark.timeout(180)
def test_running_web_processes_answer_by_the_changed_rule(
    hub: Hub, load_client: LoadClient, processes: Processes
) -> None:
    second = ports.free()
    other = processes.start("web", PORT=str(second))
    web = processes.web()
    other.wait_until(lambda: is_answering(f"http://127.0.0.1:{second}/healthz"))
    wires = (load_client, LoadClient(hub, f"http://127.0.0.1:{second}"))
    pids = (web.pid, other.pid)
    assert [ask(each) for each in wires] == ["请到派出所办理。"] * 2

    _commands.load(processes, rules=[rule("请到政务大厅办理。")])
    await_answer(wires, "请到政务大厅办理。")

    with transaction():
        stored_rule = store.find_by_slug("police.id_card")
        assert stored_rule is not None
        (rule_spec,) = spec.parse_rules({"rules": [rule("请在网上办理。")]})
        store.upsert(rule_spec, department_id=stored_rule.department_id, now=clock.now())
    await_answer(wires, "请在网上办理。")
    assert (web.pid, other.pid) == pids
    assert web.is_running
    assert other.is_running


def ask(load_client: LoadClient) -> str | None:
    return load_client.push("police", load_client.text("o1", "身份证丢了咋办")).text


def await_answer(wires: tuple[LoadClient, ...], words: str) -> None:
    deadline = monotonic() + TIMEOUT
    while (said := [ask(each) for each in wires]) != [words] * len(wires):
        assert monotonic() < deadline, said
        sleep(0.1)


# ---- what a push asks the database ----


class CountingConnection:
    """A driver connection that writes down what it is asked."""

    def __init__(self, connection: Any, statements: list[str]) -> None:
        self._connection = connection
        self._asked = statements

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *given: Any, **more: Any) -> Any:
        self._asked.append(statement)
        return self._connection.execute(statement, *given, **more)


@pytest.fixture
def statements(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement of this process, by the session or past it."""
    statements: list[str] = []
    opened = fast_store._open_connection
    monkeypatch.setattr(
        fast_store, "_open_connection", lambda: CountingConnection(opened(), statements)
    )

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    hub.push("police", hub.text("o1", "身份证"))  # what is built once is built
    fast_store.reset()
    event.listen(engine(), "before_cursor_execute", note)
    statements.clear()
    yield statements
    event.remove(engine(), "before_cursor_execute", note)
    fast_store.reset()


@pytest.mark.parametrize(
    ("words", "reads"),
    # what nothing in memory answers is seen together with what was said before
    [("身份证丢了咋办", 0), ("今天天气真好", 1), ("社保卡丢了是在你们这补吗", 1)],
)
def test_a_push_asks_nothing_but_to_be_written_down(
    hub: Hub, statements: list[str], words: str, reads: int
) -> None:
    assert hub.push("police", hub.text("o2", words)).text
    hub.push("police", hub.text("o2", words))

    said = [each for each in statements if not each.startswith(("BEGIN", "COMMIT"))]
    most = {"sqlite": 3, "postgresql": 1}[engine().dialect.name] + reads
    assert 1 <= len(said) / 2 <= most, said
    assert not [each for each in said if "rules" in each or "accounts" in each.split("INTO")[0]]


def test_a_repeated_push_asks_no_more_than_the_first(hub: Hub, statements: list[str]) -> None:
    xml = hub.text("o3", "身份证")
    hub.push("police", xml)
    first = len(statements)
    hub.push("police", xml)

    assert len(statements) - first <= first
