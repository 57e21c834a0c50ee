"""Connecting an account as an administrator does: in a browser, with real processes, to all green.

browser ──> web ──job──> worker ──> simulator (WeChat)
             ^────────── check, push ───┘
"""

from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from playwright.sync_api import Page, expect

from tests.end_to_end._simulator_client import SimulatorClient, start_simulator
from tests.helpers.console import Console
from tests.helpers.processes import Processes

APPID, SECRET = "wx00000000000000aa", "ofthetaxes0123456789"
TIMEOUT = 60_000  # milliseconds; the machine may be busy with other things
CONSOLE = {
    "autoreply": {
        "is_autoreply_open": 1,
        "keyword_autoreply_info": {
            "list": [
                {
                    "rule_name": "发票",
                    "create_time": 1423028166,
                    "reply_mode": "reply_all",
                    "keyword_list_info": [
                        {"type": "text", "match_mode": "contain", "content": "发票"}
                    ],
                    "reply_list_info": [{"type": "text", "content": "请到办税厅。"}],
                }
            ]
        },
    },
}


class WeChatConsole:
    """WeChat's own pages, where the department's account is set up."""

    def __init__(self, url: str, appid: str) -> None:
        self._url = f"{url}/simulator/accounts"
        self._appid = appid

    def fill_in(self, **settings: Any) -> None:
        """Type settings into the page and save them."""
        requests.post(
            self._url, json={"appid": self._appid, **settings}, timeout=30
        ).raise_for_status()

    def submit(self) -> bool:
        """Have WeChat check the address. Gives whether it was content."""
        answer = requests.post(f"{self._url}/{self._appid}/check", timeout=30)
        return bool(answer.json()["ok"])


def open_platform(processes: Processes) -> WeChatConsole:
    """A simulator that knows one account, which we do not know yet."""
    account = {
        "appid": APPID,
        "original_id": "gh_0000000000aa",
        "name": "华阴税务",
        "secret": SECRET,
        "token": "nothing",
        "aes_key": "0" * 43,
        "ip_allow_list": ["203.0.113.9"],
        "console": CONSOLE,
    }
    path: Path = processes.folder / "wechat.yaml"
    path.write_text(yaml.safe_dump({"accounts": [account]}, allow_unicode=True), "utf-8")
    processes.simulator(SIMULATOR_ACCOUNTS=str(path))
    return WeChatConsole(processes.simulator_url, APPID)


def copied_keys(page: Page) -> dict[str, str | None]:
    """The keys that the page shows to be pasted into WeChat's."""
    labels = {"token": "Token（令牌）", "aes_key": "EncodingAESKey（消息加解密密钥）"}
    return {
        name: page.get_by_role("button", name=f"复制{label}").get_attribute("data-copy")
        for name, label in labels.items()
    }


def state(page: Page, step: str) -> str | None:
    return page.locator(f"[data-step={step}]").get_attribute("data-state")


def green(page: Page, *steps: str) -> None:
    for step in steps:
        wanted = page.locator(f"[data-step={step}][data-state=ok]")
        expect(wanted).to_be_visible(timeout=TIMEOUT)


@pytest.mark.browser
def test_an_account_is_connected_until_every_check_is_green(
    console: Console, processes: Processes, page: Page
) -> None:
    wechat_console = open_platform(processes)
    for name in ("worker", "scheduler"):
        processes.start(name)
    web = processes.web()
    console.sign_in(page, processes.url)
    page.goto(f"{processes.url}/console/accounts/")
    page.get_by_role("link", name="接入账号").click()
    page.get_by_label("AppID").fill(APPID)
    page.get_by_label("AppSecret").fill(SECRET)
    page.get_by_label("账号名称").fill("华阴税务")
    page.get_by_label("原始 ID").fill("gh_0000000000aa")
    page.get_by_label("所属单位").select_option(label="市委网信办")
    page.get_by_role("button", name="下一步").click()

    # the address is not on the account's list yet: the page says which one to add
    failed = page.locator("[data-step=allow_list][data-state=failed]")
    expect(failed).to_contain_text("127.0.0.1", timeout=TIMEOUT)
    assert state(page, "token") == state(page, "address") == "waiting"

    page.get_by_role("button", name="显示 Token 和 EncodingAESKey").click()
    wechat_console.fill_in(**copied_keys(page), ip_allow_list=["127.0.0.1"])
    web.wait_until(wechat_console.submit)
    green(page, "address")
    assert state(page, "push") == "waiting"

    # a citizen writes; WeChat is asked again
    wechat = SimulatorClient(processes.simulator_url)
    (citizen,) = wechat.citizens(1)
    wechat.act(citizen, APPID, "follow")
    wechat.act(citizen, APPID, "text", text="在吗")
    page.get_by_role("button", name="重新检查").click()
    green(page, "token", "allow_list", "address", "push", "ability", "import")
    expect(page.get_by_text("全部通过，账号已接通")).to_be_visible(timeout=TIMEOUT)

    # and what works is shown no more
    page.goto(page.url.replace("/connect/keys", "/connect"))
    expect(page.get_by_text("已在使用，不再显示")).to_be_visible()
    page.get_by_role("link", name="完成").click()
    expect(page.get_by_text("1 条自动回复存为草稿")).to_be_visible()
    expect(page.get_by_text("正常", exact=True)).to_be_visible()


@pytest.mark.browser
def test_keys_are_changed_while_citizens_are_answered(
    console: Console, processes: Processes, page: Page
) -> None:
    police = console.hub.keys["police"]
    wechat = start_simulator(processes, console.hub)
    wechat_console = WeChatConsole(processes.simulator_url, police.appid)
    web = processes.web()
    (citizen,) = wechat.citizens(1)
    wechat.act(citizen, police.appid, "follow")
    wechat.set_limits(callback_attempts=1)

    def is_answered() -> bool:
        said = wechat.act(citizen, police.appid, "text", text="身份证")
        return bool(said["outcome"] == "replied")

    assert is_answered()
    console.sign_in(page, processes.url, "department_admin", "police")
    page.goto(f"{processes.url}/console/accounts/{console.account_id('police')}/keys")
    page.on("dialog", lambda dialog: dialog.accept())
    web.wait_until(lambda: page.reload() and page.get_by_text("在用", exact=True).is_visible())
    page.get_by_role("button", name="开始更换").click()
    expect(page.get_by_text("还没有收到用新密钥发来的推送")).to_be_visible()
    assert is_answered(), "with the old keys, before and after they are known to be old"
    web.wait_until(is_answered)

    wechat_console.fill_in(**copied_keys(page))
    web.wait_until(is_answered)
    expect(page.get_by_text("可以完成更换了")).to_be_visible(timeout=TIMEOUT)
    page.get_by_role("button", name="完成更换").click()
    expect(page.get_by_text("更换完成，旧密钥已停用")).to_be_visible()
    assert is_answered()

    wechat_console.fill_in(token=police.token, aes_key=police.aes_key)
    web.wait_until(lambda: not is_answered())
