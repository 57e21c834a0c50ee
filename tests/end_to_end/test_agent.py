"""An agent at a desk and a citizen with a phone, with the whole hub between them."""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app import snapshots
from config.database import session, transaction
from matrix import followers
from matrix.followers import Follower
from tests.end_to_end._simulator_client import SimulatorClient
from tests.helpers.console import Console
from tests.helpers.processes import Processes

pytestmark = [pytest.mark.processes, pytest.mark.browser, pytest.mark.timeout(240)]

CITIZEN = "c1"
SOON = 30_000  # milliseconds, on a machine that does other things as well


@pytest.fixture
def running_hub(
    console: Console, processes: Processes, simulator: SimulatorClient
) -> SimulatorClient:
    """Web, worker and scheduler."""
    snapshots.reset()
    processes.start("worker")
    processes.start("scheduler")
    processes.web()
    return simulator


def test_a_citizen_writes_and_an_agent_answers(
    console: Console, processes: Processes, running_hub: SimulatorClient, page: Page
) -> None:
    appid = console.hub.keys["police"].appid
    running_hub.act(CITIZEN, appid, "follow")
    console.sign_in(page, processes.url, "agent", "police")
    page.goto(f"{processes.url}/console/talks/")
    expect(page.get_by_text("没有等待回复的留言")).to_be_visible()

    running_hub.act(CITIZEN, appid, "text", text="我家楼道的灯坏了")
    page.get_by_role("link", name="我家楼道的灯坏了").click(timeout=SOON)
    expect(page.get_by_text("我家楼道的灯坏了")).to_be_visible()
    expect(page.get_by_text("还可回复")).to_be_visible()

    running_hub.act(CITIZEN, appid, "text", text="在三单元，电话13812345678")
    expect(page.get_by_text("电话138****5678")).to_be_visible(timeout=SOON)
    page.get_by_label("回复内容").fill("好的，今天下午去修。")
    page.get_by_role("button", name="发送", exact=True).click()
    expect(page.get_by_text("已送达微信")).to_be_visible(timeout=SOON)
    assert running_hub.customer_service_texts(CITIZEN, appid) == ["好的，今天下午去修。"]
    expect(page.get_by_label("回复内容")).to_have_value("")

    running_hub.act(CITIZEN, appid, "text", text="谢谢谢谢啦")
    expect(page.get_by_text("谢谢谢谢啦")).to_be_visible(timeout=SOON)
    close_windows()
    page.reload()
    expect(page.get_by_text("现在不能回复")).to_be_visible()
    expect(page.get_by_role("button", name="发送", exact=True)).to_be_disabled()


def test_an_emergency_stands_first_and_a_blocked_citizen_gets_silence(
    console: Console, processes: Processes, running_hub: SimulatorClient, page: Page
) -> None:
    appid = console.hub.keys["police"].appid
    running_hub.act(CITIZEN, appid, "follow")
    console.sign_in(page, processes.url, "agent", "police")
    page.goto(f"{processes.url}/console/alarms/")
    running_hub.act(CITIZEN, appid, "text", text="有人跳河了，救命")
    page.get_by_role("link", name="看对话").click(timeout=SOON)
    expect(page.get_by_text("有人跳河了，救命")).to_be_visible()

    page.get_by_text("屏蔽此人").click()
    page.get_by_label("屏蔽原因").fill("反复谎报")
    page.once("dialog", lambda asked: asked.accept())
    page.get_by_role("button", name="屏蔽", exact=True).click()
    expect(page.get_by_text("已屏蔽，系统不再自动回复此人")).to_be_visible()
    page.wait_for_timeout(3000)  # a web process looks at the revisions once a second
    assert running_hub.act(CITIZEN, appid, "text", text="身份证")["reply"] is None

    page.goto(f"{processes.url}/console/alarms/")
    page.get_by_role("button", name="标为已处理").click()
    page.get_by_label("处理情况").fill("已转 110 核实")
    page.locator("#close-body").get_by_role("button", name="标为已处理").click()
    expect(page.get_by_text("没有待处理的提醒")).to_be_visible()
    page.get_by_role("link", name="已处理").click()
    expect(page.get_by_text("已转 110 核实")).to_be_visible()


def close_windows() -> None:
    """As if two days had passed."""
    with transaction():
        for key in session.scalars(select(Follower.id)).all():
            followers.close_windows(key)
