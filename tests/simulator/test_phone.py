"""The phone: what a citizen does, first as requests, then by hand in a browser."""

import base64
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect

import simulator
from simulator.messaging.callbacks import FAILURE_TEXT
from tests.simulator.conftest import POLICE, AccountServer, PushFields, SimulatorClient, text

MENU = {
    "button": [
        {"type": "click", "name": "叫号", "key": "QUEUE"},
        {"name": "办事", "sub_button": [{"type": "click", "name": "进度", "key": "PROGRESS"}]},
    ]
}
ACTIONS = (
    "text",
    "choose",
    "voice",
    "image",
    "location",
    "link",
    "tap",
    "scan",
    "stand",
    "consent",
)
SAMPLE = Path(simulator.__file__).parent / "static" / "samples" / "lamp.jpg"


def test_each_action_pushes_the_fields_of_its_kind(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    wechat.act("voice", text="怎么预约")
    assert (account_server.seen[-1]["MsgType"], account_server.seen[-1]["Recognition"]) == (
        "voice",
        "怎么预约",
    )
    wechat.act("voice", text="怎么预约", recognised=False)
    assert "Recognition" not in account_server.seen[-1]
    wechat.act("location", latitude=34.5, longitude=110.1, label="市民中心")
    assert (account_server.seen[-1]["Location_X"], account_server.seen[-1]["Label"]) == (
        "34.5",
        "市民中心",
    )
    wechat.act("link", title="指南", url="https://h.example/")
    assert account_server.seen[-1]["Url"] == "https://h.example/"
    wechat.act("stand", latitude=34.5, longitude=110.1)
    assert (account_server.seen[-1]["Event"], account_server.seen[-1]["Latitude"]) == (
        "LOCATION",
        "34.5",
    )
    wechat.act("choose", text="是", id="fb_yes")
    assert (account_server.seen[-1]["Content"], account_server.seen[-1]["bizmsgmenuid"]) == (
        "是",
        "fb_yes",
    )


def test_a_picture_can_be_loaded_by_its_link_and_by_its_media_id(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    data = SAMPLE.read_bytes()
    wechat.act("image", filename="a.jpg", data=base64.b64encode(data).decode())
    pushed = account_server.seen[-1]
    link = "/" + pushed["PicUrl"].split("/", 3)[3]
    assert wechat.client.get(link).data == data
    query = {"access_token": wechat.token(), "media_id": pushed["MediaId"]}
    assert wechat.client.get("/cgi-bin/media/get", query_string=query).data == data


def test_a_tapped_option_does_not_open_the_two_day_window(wechat: SimulatorClient) -> None:
    openid = wechat.act("follow")["openid"]
    wechat.shift(61)
    wechat.act("choose", text="是", id="1")
    assert [wechat.send(openid) for _ in range(4)] == [0, 0, 0, 45047]
    wechat.client.post("/simulator/limits", json={"msgmenu_rule": "message"})
    wechat.act("choose", text="是", id="1")
    wechat.shift(3600)
    assert wechat.send(openid) == 0


@pytest.mark.parametrize(
    ("act", "more", "error"),
    [
        ("text", {"text": "你好"}, "请先关注公众号"),
        ("unfollow", {}, "请先关注公众号"),
        ("dance", {}, "没有这个动作"),
        ("scan", {"scene": "none"}, "没有这个二维码"),
    ],
)
def test_a_citizen_who_does_not_follow_cannot_write(
    wechat: SimulatorClient, act: str, more: dict[str, str], error: str
) -> None:
    answer = wechat.act(act, **more)
    assert (answer["status"], answer["error"]) == (400, error)


def test_a_waiting_page_is_notified_at_once(wechat: SimulatorClient, openid: str) -> None:
    beat = wechat.platform.change_signal.count
    wechat.send(openid, "新消息")
    query = {"citizen": "c1", "appid": POLICE.appid, "beat": beat, "seq": 0}
    news = wechat.client.get("/phone/changes", query_string=query).json
    assert news["beat"] > beat
    assert news["entries"][-1]["body"]["text"] == "新消息"


def test_the_page_allows_no_script_but_its_own(wechat: SimulatorClient) -> None:
    answer = wechat.client.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "<script>" not in answer.get_data(as_text=True)


@pytest.fixture
def address(wechat: SimulatorClient) -> Iterator[str]:
    """The platform on a port of its own."""
    with simulator.run(wechat.client.application) as url:
        yield url


def greet(message: PushFields) -> PushFields | str:
    """An account that welcomes, repeats and asks back."""
    if message.get("Event") == "subscribe":
        link = "weixin://bizmsgmenu?msgmenucontent=居住证&msgmenuid=k7"
        return text(f'欢迎！\n您是不是想问 <a href="{link}">居住证办理</a> <b>粗</b>')
    if message.get("Event") == "CLICK":
        return text(f"点了 {message['EventKey']}")
    return text(f"您问的是{message.get('Content', message['MsgType'])}")


@pytest.mark.browser
def test_a_citizen_follows_asks_taps_and_leaves(
    wechat: SimulatorClient, account_server: AccountServer, address: str, phone: Page
) -> None:
    account_server.answer = greet
    wechat.api("menu/create", MENU)
    phone.goto(address)
    expect(phone.locator(".account")).to_have_count(3)
    phone.get_by_label("搜索公众号").fill("测试1")
    expect(phone.locator(".account")).to_have_count(1)
    phone.locator(".account").click()
    phone.get_by_role("button", name="关注公众号").click()
    messages = phone.get_by_role("log")
    expect(messages).to_contain_text("<b>粗</b>")

    messages.get_by_role("button", name="居住证办理").click()
    expect(messages).to_contain_text("您问的是居住证")
    assert account_server.seen[-1]["bizmsgmenuid"] == "k7"

    phone.get_by_role("button", name="叫号").click()
    expect(messages).to_contain_text("点了 QUEUE")
    phone.get_by_role("button", name="办事").click()
    phone.get_by_role("menuitem", name="进度").click()
    expect(messages).to_contain_text("点了 PROGRESS")

    phone.get_by_role("button", name="切换到键盘").click()
    phone.get_by_label("输入消息").fill("<img src=x onerror=alert(1)>")
    phone.get_by_role("button", name="发送", exact=True).click()
    expect(messages).to_contain_text("您问的是<img src=x onerror=alert(1)>")

    phone.get_by_role("button", name="公众号资料").first.click()
    phone.get_by_role("button", name="不再关注").click()
    expect(phone.get_by_role("button", name="关注公众号")).to_be_visible()
    assert account_server.seen[-1]["Event"] == "unsubscribe"


@pytest.mark.browser
def test_customer_service_messages_of_all_kinds_appear_by_themselves(
    wechat: SimulatorClient, address: str, phone: Page
) -> None:
    openid = wechat.act("follow")["openid"]
    wechat.act("text", text="在吗")
    phone.goto(f"{address}/#{POLICE.appid}")
    messages = phone.get_by_role("log")
    wechat.send(openid, "马上为您查询")
    expect(messages).to_contain_text("马上为您查询")

    media = wechat.platform.media.add_temporary(POLICE.appid, "image", "a.jpg", SAMPLE.read_bytes())
    article = {
        "title": "办事指南",
        "description": "材料",
        "url": "http://127.0.0.1:9/",
        "picurl": "",
    }
    options = {"head_content": "满意吗", "list": [{"id": "1", "content": "满意"}]}
    for kind, content in (
        ("image", {"media_id": media.id}),
        ("news", {"articles": [article]}),
        ("msgmenu", options),
    ):
        body = {"touser": openid, "msgtype": kind, kind: content}
        assert wechat.api("message/custom/send", body)["errcode"] == 0
    expect(messages.get_by_alt_text("图片")).to_be_visible()
    expect(messages.get_by_role("link", name="办事指南")).to_be_visible()
    messages.get_by_role("button", name="满意").click()
    expect(messages.locator(".line.mine").last).to_contain_text("满意")
    typing = {"touser": openid, "command": "Typing"}
    assert wechat.api("message/custom/typing", typing)["errcode"] == 0
    expect(phone.get_by_role("heading", name="对方正在输入…")).to_be_visible()
    phone.get_by_role("button", name="返回").click()
    expect(phone.locator(".account").first).to_contain_text("满意")


@pytest.mark.browser
def test_every_tool_of_the_phone_sends_its_message(
    wechat: SimulatorClient, account_server: AccountServer, openid: str, address: str, phone: Page
) -> None:
    account_server.answer = greet
    scene = {"scene": {"scene_str": "hall:07"}}
    wechat.api("qrcode/create", {"action_name": "QR_LIMIT_STR_SCENE", "action_info": scene})
    phone.goto(f"{address}/#{POLICE.appid}")
    messages = phone.get_by_role("log")

    def tool(name: str) -> None:
        if not phone.locator(".plus-panel").is_visible():
            phone.get_by_role("button", name="更多").click()
        phone.locator(".tool", has_text=name).click()

    tool("图片")
    phone.locator(".sample").first.click()
    expect(messages).to_contain_text("您问的是image")
    tool("位置")
    phone.locator(".row-button").first.click()
    expect(messages).to_contain_text("您问的是location")
    tool("语音")
    phone.get_by_label("说了什么").fill("路灯不亮")
    phone.get_by_role("button", name="发送语音").click()
    expect(messages).to_contain_text("您问的是voice")
    tool("链接")
    phone.get_by_role("button", name="发送链接").click()
    expect(messages).to_contain_text("您问的是link")
    tool("扫一扫")
    phone.locator(".row-button", has_text="hall:07").click()
    expect(phone.get_by_role("dialog")).to_have_count(0)
    # the push follows the tap at its own time
    deadline = monotonic() + 10
    while "SCAN" not in (events := [message.get("Event") for message in account_server.seen]):
        assert monotonic() < deadline, events
        sleep(0.05)


@pytest.mark.browser
def test_another_citizen_has_a_chat_of_their_own(
    wechat: SimulatorClient, account_server: AccountServer, openid: str, address: str, phone: Page
) -> None:
    account_server.answer = greet
    phone.goto(address)
    expect(phone.locator(".account").first).to_contain_text("你好")
    phone.get_by_role("button", name="切换市民").click()
    phone.get_by_label("称呼").fill("市民丁")
    phone.get_by_role("button", name="添加市民").click()
    expect(phone.locator("#who")).to_contain_text("市民丁")
    expect(phone.locator(".account", has_text="未关注")).to_have_count(3)


@pytest.mark.browser
def test_the_desk_shows_the_raw_exchange_and_switches_faults(
    wechat: SimulatorClient, account_server: AccountServer, openid: str, address: str, page: Page
) -> None:
    account_server.answer = lambda message: "<html>oops</html>"
    page.goto(f"{address}/#{POLICE.appid}")
    page.get_by_label("输入消息").fill("坏了吗")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text(FAILURE_TEXT)
    panel = page.get_by_label("开发者面板")
    expect(panel.locator(".delivery").first).to_contain_text("回复无效")
    expect(panel.locator(".delivery").first).to_contain_text("坏了吗")

    panel.get_by_role("tab", name="故障").click()
    panel.get_by_label("故障").select_option("busy")
    panel.get_by_label("次数").fill("2")
    panel.get_by_role("button", name="打开故障").click()
    expect(panel.locator(".fault-list")).to_contain_text("还有 2 次")
    assert wechat.platform.faults.list_active()[0]["kind"] == "busy"
    panel.get_by_role("button", name="全部关掉").click()
    expect(panel).to_contain_text("现在一切正常")

    wechat.api("menu/get")
    panel.get_by_role("tab", name="接口").click()
    expect(panel.locator(".delivery").first).to_contain_text("46003")


@pytest.mark.browser
def test_the_phone_can_be_used_by_keyboard_alone(
    wechat: SimulatorClient, account_server: AccountServer, openid: str, address: str, page: Page
) -> None:
    account_server.answer = greet
    page.goto(address)
    page.locator(".account").first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("输入消息").focus()
    page.keyboard.type("键盘")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("您问的是键盘")
    page.get_by_role("button", name="更多").press("Enter")
    page.locator(".tool").first.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(".account").first).to_be_visible()


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1366])
def test_nothing_sticks_out_of_the_page(
    wechat: SimulatorClient, openid: str, address: str, page: Page, width: int
) -> None:
    wechat.send(openid, "https://h.example/" + "x" * 300)
    page.set_viewport_size({"width": width, "height": 768})
    page.goto(f"{address}/#{POLICE.appid}")
    expect(page.get_by_role("log")).to_contain_text("xxx")
    for box in (".messages", "body"):
        assert page.eval_on_selector(box, "one => one.scrollWidth <= one.clientWidth"), box
    expect(page.locator(".panel")).to_be_visible(visible=width > 900)


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["\ud800", "\x00\x0b", "]]>", "<a href='javascript:x'>"]),
    st.dictionaries(st.sampled_from(["type", "key", "name"]), st.text(max_size=4)),
)
FIELDS = ("text", "id", "data", "scene", "button", "latitude", "longitude", "label", "url", "title")


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(act=st.sampled_from(ACTIONS), more=st.dictionaries(st.sampled_from(FIELDS), ODD))
def test_odd_actions_are_done_or_refused(
    wechat: SimulatorClient, account_server: AccountServer, act: str, more: dict[str, object]
) -> None:
    wechat.act("follow")
    answer = wechat.act(act, **more)
    assert answer["status"] in (200, 400)
    assert answer.get("outcome", "silent") in ("silent", "none")
