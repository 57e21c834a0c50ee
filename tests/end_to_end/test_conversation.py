"""The first conversation: a citizen with a phone and the whole hub as it really runs."""

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from config.alerts import Alert
from config.database import read_only, session
from matrix.inbox import InboxMessage, Outcome
from tests.end_to_end import _commands
from tests.end_to_end._load_client import LONG, LONG_PARTS
from tests.end_to_end._simulator_client import SimulatorClient
from tests.helpers.processes import Processes, Running

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

POLICE, HOUSING, WATER = (f"wxdec0de0000000{number}" for number in ("101", "106", "111"))
CITIZEN = "c1"
LONG_RULE = {
    "id": "police.very_long",
    "department": "police",
    "name": "分条须知",
    "exact": ["分条须知"],
    "reply": {"type": "text", "content": LONG},
}
PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n a picture").decode()


class City:
    """The running hub with the demo content, and the phone of one citizen."""

    def __init__(self, processes: Processes) -> None:
        processes.simulator()
        self.worker = processes.start("worker")
        self.web: Running = processes.web()
        self.phone = SimulatorClient(processes.simulator_url)

    def act(self, do: str, appid: str = POLICE, **more: Any) -> dict[str, Any]:
        """Do something and be answered."""
        done = self.phone.act(CITIZEN, appid, do, **more)
        assert done["outcome"] == "replied", done
        return done

    def text(self, do: str, appid: str = POLICE, **more: Any) -> str:
        """The words of the answer to it."""
        reply = self.act(do, appid, **more)["reply"]
        assert reply["kind"] == "text"
        return str(reply["body"]["text"])


@pytest.fixture
def city(processes: Processes) -> Iterator[City]:
    _commands.flask(processes, "demo")
    _commands.load(processes, rules=[LONG_RULE])
    return City(processes)


def last() -> tuple[Outcome, str | None]:
    """What the hub did with the newest message."""
    with read_only():
        newest = (
            select(InboxMessage.outcome, InboxMessage.rule_slug)
            .order_by(InboxMessage.id.desc())
            .limit(1)
        )
        outcome, rule = session.execute(newest).one()
        return outcome, rule


def test_a_citizen_writes_to_the_citys_accounts(city: City) -> None:
    assert "华阴公安" in city.text("follow")
    assert "身份证" in city.text("text", text="身份证丢了咋办")
    assert last() == (Outcome.RULE, "police.id_card")

    assert "身份证" in city.text("voice", text="身份证丢了咋办")
    assert last() == (Outcome.RULE, "police.id_card")
    for do, more in [
        ("voice", {"text": "嗯", "recognised": False}),
        ("image", {"data": PICTURE}),
        ("location", {"latitude": 34.5, "longitude": 110.1}),
    ]:
        city.text(do, **more)
        assert last()[0] is Outcome.FOR_STAFF

    check_menu(city)
    check_suggestion(city)
    check_long_answer(city)
    check_every_mode(city)
    check_emergency(city)


def check_menu(city: City) -> None:
    def menu() -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = city.phone.chat(CITIZEN, POLICE)["menu"]
        return shown

    city.worker.wait_until(menu)
    button = menu()[0]["sub_button"][0]
    assert "身份证" in city.text("tap", button=button)
    assert last() == (Outcome.RULE, "police.id_card")


def check_suggestion(city: City) -> None:
    offered = city.text("text", text="社保卡丢了怎么补")
    assert last()[0] is Outcome.SUGGESTION
    link = re.search(r'msgmenuid=([^"&]+)"[^>]*>([^<]+)</a>', offered)
    assert link is not None, offered
    assert "社保卡" in city.text("choose", text=link[2], id=link[1])
    outcome, rule = last()
    assert outcome is Outcome.RULE
    assert link[1] == f"rule:{rule}"


def check_long_answer(city: City) -> None:
    assert city.text("text", text="分条须知") == LONG_PARTS[0]

    def rest() -> list[str]:
        return city.phone.customer_service_texts(CITIZEN, POLICE)

    city.worker.wait_until(lambda: len(rest()) == len(LONG_PARTS) - 1)
    assert LONG_PARTS[0] + "".join(rest()) == LONG


def check_every_mode(city: City) -> None:
    for appid, mode in ((HOUSING, "compatible"), (WATER, "plain")):
        city.text("follow", appid)
        done = city.act("text", appid, text="停水了找谁")
        assert done["mode"] == mode
        assert done["reply"]["body"]["text"]


def check_emergency(city: City) -> None:
    assert "110" in city.text("text", text="有人落水了快救人")
    assert last()[0] is Outcome.EMERGENCY
    with read_only():
        assert session.scalars(select(Alert.kind)).all() == ["inbox.emergency"]
