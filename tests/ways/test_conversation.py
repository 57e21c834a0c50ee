"""The first conversation: a citizen with a phone and the whole hub as it really runs."""

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from config.alarms import Alarm
from config.database import reading, session
from matrix.inbox import Inbound, Outcome
from tests.fixtures.processes import Processes, Running
from tests.ways import commands
from tests.ways.wechat import WeChat
from tests.ways.wire import LONG, LONG_PARTS

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


class Town:
    """The running hub with the demo content, and the phone of one citizen."""

    def __init__(self, processes: Processes) -> None:
        processes.simulator()
        self.worker = processes.start("worker")
        self.web: Running = processes.web()
        self.phone = WeChat(processes.simulator_url)

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
def town(processes: Processes) -> Iterator[Town]:
    commands.flask(processes, "demo")
    commands.load(processes, rules=[LONG_RULE])
    return Town(processes)


def last() -> tuple[Outcome, str | None]:
    """What the hub did with the newest message."""
    with reading():
        newest = select(Inbound.outcome, Inbound.rule_code).order_by(Inbound.id.desc()).limit(1)
        outcome, rule = session.execute(newest).one()
        return outcome, rule


def test_a_citizen_talks_to_the_citys_accounts(town: Town) -> None:
    assert "华阴公安" in town.text("follow")
    assert "身份证" in town.text("text", text="身份证丢了咋办")
    assert last() == (Outcome.RULE, "police.id_card")

    assert "身份证" in town.text("voice", text="身份证丢了咋办")
    assert last() == (Outcome.RULE, "police.id_card")
    for do, more in [
        ("voice", {"text": "嗯", "recognised": False}),
        ("image", {"data": PICTURE}),
        ("location", {"latitude": 34.5, "longitude": 110.1}),
    ]:
        town.text(do, **more)
        assert last()[0] is Outcome.FALLBACK

    the_menu_answers(town)
    a_suggestion_leads_to_another_departments_answer(town)
    a_long_answer_arrives_whole(town)
    every_mode_answers(town)
    an_emergency_is_seen(town)


def the_menu_answers(town: Town) -> None:
    def menu() -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = town.phone.chat(CITIZEN, POLICE)["menu"]
        return shown

    town.worker.wait_until(menu)
    button = menu()[0]["sub_button"][0]
    assert "身份证" in town.text("tap", button=button)
    assert last() == (Outcome.RULE, "police.id_card")


def a_suggestion_leads_to_another_departments_answer(town: Town) -> None:
    offered = town.text("text", text="社保卡丢了怎么补")
    assert last()[0] is Outcome.SUGGESTION
    link = re.search(r'msgmenuid=([^"&]+)"[^>]*>([^<]+)</a>', offered)
    assert link is not None, offered
    assert "社保卡" in town.text("choose", text=link[2], id=link[1])
    outcome, rule = last()
    assert outcome is Outcome.RULE
    assert link[1] == f"rule:{rule}"


def a_long_answer_arrives_whole(town: Town) -> None:
    assert town.text("text", text="分条须知") == LONG_PARTS[0]

    def rest() -> list[str]:
        return town.phone.custom(CITIZEN, POLICE)

    town.worker.wait_until(lambda: len(rest()) == len(LONG_PARTS) - 1)
    assert LONG_PARTS[0] + "".join(rest()) == LONG


def every_mode_answers(town: Town) -> None:
    for appid, mode in ((HOUSING, "compatible"), (WATER, "plain")):
        town.text("follow", appid)
        done = town.act("text", appid, text="停水了找谁")
        assert done["mode"] == mode
        assert done["reply"]["body"]["text"]


def an_emergency_is_seen(town: Town) -> None:
    assert "110" in town.text("text", text="有人落水了快救人")
    assert last()[0] is Outcome.EMERGENCY
    with reading():
        assert session.scalars(select(Alarm.kind)).all() == ["inbox.emergency"]
