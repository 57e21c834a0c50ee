"""Template messages and subscription notices."""

import time
from typing import Any

from tests.simulator.conftest import WATER, Hub, Platform

DATA = {
    "thing1": {"value": "身份证补领"},
    "time2": {"value": "2026-03-10 09:30"},
    "thing3": {"value": "户籍窗口"},
}


def template(platform: Platform, title: str = "预约成功通知", **more: Any) -> str:
    listed = platform.api("template/get_all_private_template", **more)["template_list"]
    return next(str(one["template_id"]) for one in listed if one["title"] == title)


def wait_for(hub: Hub, event: str) -> dict[str, str]:
    for _ in range(200):
        for message in hub.seen:
            if message.get("Event") == event:
                return message
        time.sleep(0.01)
    raise AssertionError(f"no {event}")


def test_a_template_message_is_shown_and_its_end_is_told(
    platform: Platform, hub: Hub, openid: str
) -> None:
    body = {"touser": openid, "template_id": template(platform), "data": DATA}
    sent = platform.api("message/template/send", body)
    assert sent["errcode"] == 0
    assert platform.chat()[-1]["body"]["rows"][0] == ["预约事项", "身份证补领"]
    told = wait_for(hub, "TEMPLATESENDJOBFINISH")
    assert (told["MsgID"], told["Status"]) == (str(sent["msgid"]), "success")


def test_the_same_client_id_is_the_same_message_for_ten_minutes(
    platform: Platform, openid: str
) -> None:
    body = {
        "touser": openid,
        "template_id": template(platform),
        "data": DATA,
        "client_msg_id": "booking-1",
    }
    first = platform.api("message/template/send", body)["msgid"]
    assert platform.api("message/template/send", body)["msgid"] == first
    assert [entry["kind"] for entry in platform.chat()].count("template") == 1
    platform.shift(601)
    assert platform.api("message/template/send", body)["msgid"] != first


def test_wrong_data_names_its_key(platform: Platform, openid: str) -> None:
    body = {"touser": openid, "template_id": template(platform)}
    long = {**DATA, "thing1": {"value": "长" * 21}}
    answer = platform.api("message/template/send", {**body, "data": long})
    assert answer["errcode"] == 47003
    assert "data.thing1.value" in answer["errmsg"]
    missing = {name: value for name, value in DATA.items() if name != "time2"}
    answer = platform.api("message/template/send", {**body, "data": missing})
    assert "data.time2.value" in answer["errmsg"]


def test_templates_and_readers_belong_to_an_account(platform: Platform, openid: str) -> None:
    own, foreign = template(platform), template(platform, who=WATER)
    assert own != foreign
    body = {"touser": openid, "template_id": foreign, "data": DATA}
    assert platform.api("message/template/send", body)["errcode"] == 40037
    platform.act("unfollow")
    body = {"touser": openid, "template_id": own, "data": DATA}
    assert platform.api("message/template/send", body)["errcode"] == 43004


def test_a_one_time_notice_needs_a_consent_for_each_send(
    platform: Platform, hub: Hub, openid: str
) -> None:
    query = {"access_token": platform.token()}
    listed = platform.client.get("/wxaapi/newtmpl/gettemplate", query_string=query).json["data"]
    notice = next(one["priTmplId"] for one in listed if one["title"] == "预约提醒")
    body = {"touser": openid, "template_id": notice, "data": DATA}
    assert platform.api("message/subscribe/bizsend", body)["errcode"] == 43101
    platform.act("consent", id=notice, accepted=True)
    told = wait_for(hub, "subscribe_msg_popup_event")
    assert (told["TemplateId"], told["SubscribeStatusString"]) == (notice, "accept")
    assert platform.api("message/subscribe/bizsend", body)["errcode"] == 0
    assert wait_for(hub, "subscribe_msg_sent_event")["ErrorCode"] == "0"
    assert platform.api("message/subscribe/bizsend", body)["errcode"] == 43101
