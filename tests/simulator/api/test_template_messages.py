"""Template messages and subscription notices."""

import time
from typing import Any

from tests.simulator.conftest import WATER, AccountServer, SimulatorClient

DATA = {
    "thing1": {"value": "身份证补领"},
    "time2": {"value": "2026-03-10 09:30"},
    "thing3": {"value": "户籍窗口"},
}


def template(wechat: SimulatorClient, title: str = "预约成功通知", **more: Any) -> str:
    listed = wechat.api("template/get_all_private_template", **more)["template_list"]
    return next(str(one["template_id"]) for one in listed if one["title"] == title)


def wait_for(account_server: AccountServer, event: str) -> dict[str, str]:
    for _ in range(200):
        for message in account_server.seen:
            if message.get("Event") == event:
                return message
        time.sleep(0.01)
    raise AssertionError(f"no {event}")


def test_a_template_message_is_shown_and_its_end_is_told(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    body = {"touser": openid, "template_id": template(wechat), "data": DATA}
    sent = wechat.api("message/template/send", body)
    assert sent["errcode"] == 0
    assert wechat.chat()[-1]["body"]["rows"][0] == ["预约事项", "身份证补领"]
    told = wait_for(account_server, "TEMPLATESENDJOBFINISH")
    assert (told["MsgID"], told["Status"]) == (str(sent["msgid"]), "success")


def test_the_same_client_id_is_the_same_message_for_ten_minutes(
    wechat: SimulatorClient, openid: str
) -> None:
    body = {
        "touser": openid,
        "template_id": template(wechat),
        "data": DATA,
        "client_msg_id": "booking-1",
    }
    first = wechat.api("message/template/send", body)["msgid"]
    assert wechat.api("message/template/send", body)["msgid"] == first
    assert [entry["kind"] for entry in wechat.chat()].count("template") == 1
    wechat.shift(601)
    assert wechat.api("message/template/send", body)["msgid"] != first


def test_wrong_data_names_its_key(wechat: SimulatorClient, openid: str) -> None:
    body = {"touser": openid, "template_id": template(wechat)}
    long = {**DATA, "thing1": {"value": "长" * 21}}
    answer = wechat.api("message/template/send", {**body, "data": long})
    assert answer["errcode"] == 47003
    assert "data.thing1.value" in answer["errmsg"]
    missing = {name: value for name, value in DATA.items() if name != "time2"}
    answer = wechat.api("message/template/send", {**body, "data": missing})
    assert "data.time2.value" in answer["errmsg"]


def test_templates_and_readers_belong_to_an_account(wechat: SimulatorClient, openid: str) -> None:
    own, foreign = template(wechat), template(wechat, who=WATER)
    assert own != foreign
    body = {"touser": openid, "template_id": foreign, "data": DATA}
    assert wechat.api("message/template/send", body)["errcode"] == 40037
    wechat.act("unfollow")
    body = {"touser": openid, "template_id": own, "data": DATA}
    assert wechat.api("message/template/send", body)["errcode"] == 43004


def test_a_one_time_notice_needs_a_consent_for_each_send(
    wechat: SimulatorClient, account_server: AccountServer, openid: str
) -> None:
    query = {"access_token": wechat.token()}
    listed = wechat.client.get("/wxaapi/newtmpl/gettemplate", query_string=query).json["data"]
    notice = next(one["priTmplId"] for one in listed if one["title"] == "预约提醒")
    body = {"touser": openid, "template_id": notice, "data": DATA}
    assert wechat.api("message/subscribe/bizsend", body)["errcode"] == 43101
    wechat.act("consent", id=notice, accepted=True)
    told = wait_for(account_server, "subscribe_msg_popup_event")
    assert (told["TemplateId"], told["SubscribeStatusString"]) == (notice, "accept")
    assert wechat.api("message/subscribe/bizsend", body)["errcode"] == 0
    assert wait_for(account_server, "subscribe_msg_sent_event")["ErrorCode"] == "0"
    assert wechat.api("message/subscribe/bizsend", body)["errcode"] == 43101
