"""A changed rule answers at once in every running web process, and no push asks for rules."""

from collections.abc import Iterator
from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import event

from config import clock, direct
from config.database import engine, transaction
from keywords import drafts, stored
from tests.fixtures import ports
from tests.fixtures.hub import RULES, Hub
from tests.fixtures.processes import Processes, answers
from tests.ways import commands
from tests.ways.wire import Wire

PATIENCE = 10.0  # seconds; two are promised where nothing else is to be done


def rule(words: str) -> dict[str, Any]:
    return RULES[0] | {"reply": {"type": "text", "content": words}}


@pytest.mark.processes
@pytest.mark.timeout(180)
def test_running_web_processes_answer_by_the_changed_rule(
    hub: Hub, wire: Wire, processes: Processes
) -> None:
    second = ports.free()
    other = processes.start("web", PORT=str(second))
    web = processes.web()
    other.wait_until(lambda: answers(f"http://127.0.0.1:{second}/healthz"))
    wires = (wire, Wire(hub, f"http://127.0.0.1:{second}"))
    pids = (web.pid, other.pid)
    assert [ask(each) for each in wires] == ["请到派出所办理。"] * 2

    commands.load(processes, rules=[rule("请到政务大厅办理。")])
    await_answer(wires, "请到政务大厅办理。")

    with transaction():
        stored_rule = stored.by_code("police.id_card")
        assert stored_rule is not None
        (draft,) = drafts.parse({"rules": [rule("请在网上办理。")]})
        stored.put(draft, department_id=stored_rule.department_id, now=clock.now())
    await_answer(wires, "请在网上办理。")
    assert (web.pid, other.pid) == pids
    assert web.is_running
    assert other.is_running


def ask(wire: Wire) -> str | None:
    return wire.push("police", wire.text("o1", "身份证丢了咋办")).text


def await_answer(wires: tuple[Wire, ...], words: str) -> None:
    deadline = monotonic() + PATIENCE
    while (said := [ask(each) for each in wires]) != [words] * len(wires):
        assert monotonic() < deadline, said
        sleep(0.1)


# ---- what a push asks the database ----


class Counted:
    """A driver connection that writes down what it is asked."""

    def __init__(self, connection: Any, asked: list[str]) -> None:
        self._connection = connection
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *given: Any, **more: Any) -> Any:
        self._asked.append(statement)
        return self._connection.execute(statement, *given, **more)


@pytest.fixture
def asked(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement of this process, by the session or past it."""
    statements: list[str] = []
    opened = direct._opened
    monkeypatch.setattr(direct, "_opened", lambda: Counted(opened(), statements))

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    hub.push("police", hub.text("o1", "身份证"))  # what is built once is built
    direct.forget()
    event.listen(engine(), "before_cursor_execute", note)
    statements.clear()
    yield statements
    event.remove(engine(), "before_cursor_execute", note)
    direct.forget()


@pytest.mark.parametrize("words", ["身份证丢了咋办", "社保卡丢了是在你们这补吗", "今天天气真好"])
def test_a_push_asks_nothing_but_to_be_written_down(hub: Hub, asked: list[str], words: str) -> None:
    assert hub.push("police", hub.text("o2", words)).text
    hub.push("police", hub.text("o2", words))

    said = [each for each in asked if not each.startswith(("BEGIN", "COMMIT"))]
    most = {"sqlite": 3, "postgresql": 1}[engine().dialect.name]
    assert 1 <= len(said) / 2 <= most, said
    assert not [each for each in said if "rules" in each or "accounts" in each.split("INTO")[0]]


def test_a_repeated_push_asks_no_more_than_the_first(hub: Hub, asked: list[str]) -> None:
    xml = hub.text("o3", "身份证")
    hub.push("police", xml)
    first = len(asked)
    hub.push("police", xml)

    assert len(asked) - first <= first
