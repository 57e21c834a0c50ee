"""The callback: what WeChat gets for what it pushes, and what strangers get."""

import re
import time
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import pytest
from sqlalchemy import func, select

from app import snapshots
from config import clock
from config.alerts import Alert
from config.database import session, transaction
from config.permissions import Permission, PermissionScope, Principal
from matrix import accounts, blocklist, followers
from matrix.accounts import key_rotation
from matrix.inbox import InboxMessage, Outcome
from matrix.outbound import OutboundMessage
from simulator.messaging import envelope
from tests.helpers.hub import Hub


def rows() -> list[InboxMessage]:
    with transaction():
        return list(session.scalars(select(InboxMessage).order_by(InboxMessage.id)))


@pytest.mark.parametrize("account", ["police", "release"])
def test_a_question_gets_its_departments_answer(hub: Hub, account: str) -> None:
    answered = hub.push(account, hub.text("o1", "身份证丢了咋办", to=account))

    assert answered.text == "请到派出所办理。"
    assert answered.reply["ToUserName"] == "o1"
    assert answered.reply["FromUserName"] == hub.keys[account].original_id
    assert answered.body.startswith("<xml><Encrypt>") == (account == "police")
    (row,) = rows()
    assert (row.outcome, row.rule_slug, row.text) == (
        Outcome.RULE,
        "police.id_card",
        "身份证丢了咋办",
    )


def test_a_repeated_push_gets_the_same_answer_and_causes_nothing(hub: Hub) -> None:
    xml = hub.text("o1", "全部办理须知")

    first, again = hub.push("police", xml), hub.push("police", xml)

    assert first.reply == again.reply
    with transaction():
        assert session.scalar(select(func.count()).select_from(InboxMessage)) == 1
        assert session.scalar(select(func.count()).select_from(OutboundMessage)) > 0
        sent = session.scalar(select(func.count()).select_from(OutboundMessage))
    hub.push("police", xml)
    with transaction():
        assert session.scalar(select(func.count()).select_from(OutboundMessage)) == sent


def test_a_long_answer_goes_on_by_customer_service_message(hub: Hub) -> None:
    answered = hub.push("police", hub.text("o1", "全部办理须知"))

    with transaction():
        parts = [
            row.content["content"]
            for row in session.scalars(select(OutboundMessage).order_by("id"))
        ]
    assert (answered.text or "") + "".join(parts) == "须知。" * 700
    assert len((answered.text or "").encode()) <= 2048


def test_the_wrong_department_points_to_the_right_one_and_a_tap_gets_its_answer(hub: Hub) -> None:
    suggestion = hub.push("police", hub.text("o1", "社保卡丢了是在你们这补吗"))

    link = re.search(r'msgmenuid=([^"]+)">([^<]+)</a>（([^）]+)）', suggestion.text or "")
    assert link is not None
    assert link.groups() == ("rule:hrss.card", "社保卡", "华阴hrss")
    tapped = hub.push("police", hub.text("o1", link[2], bizmsgmenuid=link[1]))
    assert tapped.text == "社保卡可到银行网点补办。"
    assert [row.outcome for row in rows()] == [Outcome.SUGGESTION, Outcome.RULE]


def test_an_emergency_wins_over_every_rule_and_raises_an_alert(hub: Hub) -> None:
    xml = hub.text("o1", "我身份证掉河里了，有人落水了快救人")

    answered = [hub.push("police", xml) for _ in range(2)][-1]

    assert "110" in (answered.text or "")
    with transaction():
        (alarm,) = session.scalars(select(Alert))
    assert (alarm.kind, alarm.count) == ("inbox.emergency", 1)
    assert alarm.details["text"] == "我身份证掉河里了，有人落水了快救人"


def test_a_possible_danger_keeps_its_answer_and_adds_one_line_and_a_quieter_alert(hub: Hub) -> None:
    answered = hub.push("police", hub.text("o1", "身份证丢了咋办，听说厂里有人触电"))

    answer, _, line = (answered.text or "").partition("\n\n")
    assert answer == "请到派出所办理。"
    assert "120" in line
    with transaction():
        (alarm,) = session.scalars(select(Alert))
    assert (alarm.kind, alarm.urgent) == ("inbox.possible_danger", False)


def test_life_weariness_gets_a_text_of_its_own(hub: Hub) -> None:
    answered = hub.push("police", hub.text("o1", "低保申请没批我不想活了"))

    assert "12356" in (answered.text or "")
    assert "119" not in (answered.text or "")


def test_a_blocked_follower_gets_silence_but_is_heard_in_danger(hub: Hub) -> None:
    hub.push("police", hub.text("o1", "您好"))
    with transaction():
        account_id = accounts.get_by_appid(hub.keys["police"].appid).id
        follower = followers.find(account_id, "o1")
        assert follower is not None
        agent = Principal(
            1, "客服", {Permission.CONVERSATIONS_REPLY: PermissionScope(everywhere=True)}
        )
        blocklist.block(agent, follower.id, reason="谩骂", also_at_wechat=False, now=clock.now())
    snapshots.refresh()

    assert hub.push("police", hub.text("o1", "身份证丢了咋办")).body == "success"
    assert hub.push("police", hub.text("o2", "身份证丢了咋办")).text == "请到派出所办理。"
    assert "110" in (hub.push("police", hub.text("o1", "有人落水了快救人")).text or "")


def test_events_are_answered_as_their_rules_say(hub: Hub) -> None:
    welcome = hub.push("police", hub.event("o1", "subscribe"))
    click = hub.push("hrss", hub.event("o1", "CLICK", to="hrss", EventKey="MENU_CARD"))
    typed = hub.push("police", hub.event("o2", "CLICK", EventKey="身份证"))
    scanned = hub.push("hrss", hub.event("o2", "SCAN", to="hrss", EventKey="hall"))
    arrived = hub.push(
        "hrss", hub.event("o3", "subscribe", to="hrss", EventKey="qrscene_hall", Ticket="t")
    )

    assert (welcome.text or "").startswith("您好，欢迎关注华阴police")
    assert click.text == "您点了菜单。"
    assert typed.text == "请到派出所办理。"
    assert scanned.text == arrived.text == "社保卡可到银行网点补办。"


@pytest.mark.parametrize("name", ["unsubscribe", "VIEW", "LOCATION", "some_new_event"])
def test_what_nobody_waits_for_is_kept_and_answered_success(hub: Hub, name: str) -> None:
    more = {"Latitude": 34.5, "Longitude": 110.1, "Precision": 30} if name == "LOCATION" else {}

    answered = hub.push("police", hub.event("o1", name, EventKey="https://x.example", **more))

    assert answered.body == "success"
    assert [row.outcome for row in rows()] == [Outcome.SILENT]


def test_a_voice_that_was_written_down_counts_as_words(hub: Hub) -> None:
    xml = (
        f"<xml><ToUserName>{hub.keys['police'].original_id}</ToUserName>"
        "<FromUserName>o1</FromUserName><CreateTime>1760003710</CreateTime>"
        "<MsgType>voice</MsgType><MediaId>m</MediaId><Format>amr</Format>"
        "<Recognition>身份证怎么办</Recognition><MsgId>25193847120011226</MsgId></xml>"
    )

    assert hub.push("police", xml).text == "请到派出所办理。"


def test_a_text_with_the_end_of_cdata_comes_back_whole(hub: Hub) -> None:
    assert hub.push("police", hub.text("o1", "身份证]]>怎么<办>")).text == "请到派出所办理。"
    assert rows()[0].text == "身份证]]>怎么<办>"


def test_a_paused_account_says_success_and_keeps_what_came(hub: Hub) -> None:
    with transaction():
        accounts.pause(accounts.get_by_appid(hub.keys["police"].appid).id)
    from_now_on = hub.text("o1", "身份证")

    assert refreshed(hub).push("police", from_now_on).body == "success"
    assert rows()[0].outcome is Outcome.SILENT


def refreshed(hub: Hub) -> Hub:
    """The hub after the thread that looks at revisions has looked."""
    snapshots.refresh()
    return hub


def test_during_a_rotation_both_keys_are_accepted_and_the_answer_uses_the_one_that_came(
    hub: Hub,
) -> None:
    old = hub.keys["police"]
    with transaction():
        account = accounts.get_by_appid(old.appid)
        wanted = {name: getattr(account, name) for name in accounts.AccountSpec.model_fields}
        wanted |= {"token": "anewtoken", "aes_key": "N" * 43}
        accounts.update(account.id, accounts.AccountSpec(**wanted), now=account.created_at)
    refreshed(hub)

    assert hub.push("police", hub.text("o1", "身份证")).text == "请到派出所办理。"
    hub.keys["police"] = type(old)(old.appid, old.original_id, "anewtoken", "N" * 43, "safe")
    assert hub.push("police", hub.text("o1", "身份证")).text == "请到派出所办理。"

    with transaction():
        key_rotation.finish_rotation(account.id, now=account.created_at, force=True)
    refreshed(hub)
    hub.keys["police"] = old
    assert hub.push("police", hub.text("o1", "身份证")).status == 403


# ---- strangers ----


def test_the_address_check_echoes_only_for_the_right_signature(hub: Hub) -> None:
    known = hub.keys["police"]
    timestamp = str(int(time.time()))
    query = {
        "timestamp": timestamp,
        "nonce": "n1",
        "echostr": "4375120948345356249",
        "signature": envelope.sign(known.token, timestamp, "n1"),
    }

    right = hub.call("GET", f"/wechat/{known.appid}", urlencode(query))
    wrong = hub.call("GET", f"/wechat/{known.appid}", urlencode(query | {"signature": "0" * 40}))

    assert (right.status, right.body) == (200, "4375120948345356249")
    assert wrong.status == 403
    assert "4375120948345356249" not in wrong.body


def test_plain_text_is_refused_by_a_safe_account_and_taken_by_a_compatible_one(hub: Hub) -> None:
    assert hub.push("police", hub.text("o1", "身份证"), plain=True).status == 403
    answered = hub.push("hrss", hub.text("o1", "社保卡", to="hrss"), plain=True)
    assert answered.text == "社保卡可到银行网点补办。"
    assert not answered.body.startswith("<xml><Encrypt>")


def test_a_push_for_another_account_is_refused(hub: Hub) -> None:
    assert hub.push("police", hub.text("o1", "身份证", to="hrss")).status == 403


def test_an_old_push_is_refused(hub: Hub) -> None:
    assert hub.push("police", hub.text("o1", "身份证"), at=time.time() - 3600).status == 403


class _NeverSent:
    """A body that was announced and does not come."""

    def read(self, size: int) -> bytes:
        raise AssertionError("the callback waits for a stranger's body")


def test_a_body_is_read_only_from_who_can_sign(hub: Hub) -> None:
    keys = hub.keys["police"]
    query, body = hub.request("police", hub.text("o1", "身份证"))
    forged = re.sub("signature=[0-9a-f]{40}", f"signature={'0' * 40}", query)

    refused = hub.call(
        "POST", f"/wechat/{keys.appid}", forged, body, **{"wsgi.input": _NeverSent()}
    )

    assert refused.status == 403


@pytest.mark.parametrize(
    ("method", "appid", "length", "status"),
    [
        ("POST", "wxffffffffffffffff", "3", 404),
        ("POST", "", "3", 404),
        ("POST", "platform", "3", 404),
        ("PUT", None, "3", 405),
        ("POST", None, "", 400),
        ("POST", None, "many", 400),
        ("POST", None, "2097152", 400),
        ("POST", None, "3", 400),
    ],
)
def test_what_is_no_push_gets_a_status_and_no_row(
    hub: Hub, method: str, appid: str | None, length: str, status: int
) -> None:
    path = f"/wechat/{hub.keys['police'].appid if appid is None else appid}"

    answered = hub.call(method, path, "signature=x", b"<x>", CONTENT_LENGTH=length)

    assert answered.status == status
    assert "<" not in answered.body
    assert rows() == []


@pytest.mark.parametrize(("length", "status"), [("", 411), ("many", 411), ("2097152", 413)])
def test_a_signed_push_without_a_usable_length_is_refused(
    hub: Hub, length: str, status: int
) -> None:
    query, body = hub.request("police", hub.text("o1", "身份证"))

    path = f"/wechat/{hub.keys['police'].appid}"

    assert hub.call("POST", path, query, body, CONTENT_LENGTH=length).status == status


def test_a_signature_covers_what_was_sealed(hub: Hub) -> None:
    query, body = hub.request("police", hub.text("o1", "身份证"))
    place = body.index(b"<Encrypt>") + 40
    spoiled = body[:place] + (b"A" if body[place : place + 1] != b"A" else b"B") + body[place + 1 :]

    answered = hub.call("POST", f"/wechat/{hub.keys['police'].appid}", query, spoiled)

    assert answered.status == 403
    assert "msg_signature" in parse_qs(query)
    assert rows() == []


def test_every_payload_we_know_is_recorded_with_all_it_said(hub: Hub) -> None:
    folder = Path(__file__).parents[2] / "payloads"
    payloads = sorted(folder.glob("*.xml"))

    for payload in payloads:
        xml = payload.read_text(encoding="utf-8")
        xml = re.sub(r"gh_\w+", hub.keys["police"].original_id, xml)
        assert hub.push("police", xml).status == 200, payload.name

    assert len(rows()) > 40  # two of them are told by the same person in the same second


def test_one_citizen_in_danger_has_one_alert_with_all_of_the_last_words(hub: Hub) -> None:
    for words in ("有人跳河了，救命", "我的电话13812345678，有人跳河了，救命"):
        hub.push("police", hub.text("o1", words))
    hub.push("police", hub.text("o2", "有人跳河了，救命"))
    hub.push("hrss", hub.text("o1", "有人跳河了，救命", to="hrss"))

    with transaction():
        found = session.scalars(select(Alert).order_by(Alert.id)).all()
        newest = {
            row.openid: row.id for row in session.scalars(select(InboxMessage).order_by("id"))
        }
    assert [alert.count for alert in found] == [2, 1, 1]
    first = found[0]
    assert first.details["text"] == "我的电话138****5678，有人跳河了，救命"
    assert first.urgent
    assert found[1].details["inbox_id"] == newest["o2"]
    assert len({alert.object_id for alert in found}) == 3


def test_a_paused_account_hears_danger_all_the_same_and_says_nothing(hub: Hub) -> None:
    with transaction():
        accounts.pause(accounts.get_by_appid(hub.keys["police"].appid).id)
    snapshots.refresh()
    assert hub.push("police", hub.text("o1", "身份证")).body == "success"
    assert hub.push("police", hub.text("o1", "有人落水了快救人")).body == "success"

    with transaction():
        (alert,) = session.scalars(select(Alert))
    assert alert.details["text"] == "有人落水了快救人"
    assert [row.outcome for row in rows()] == [Outcome.SILENT, Outcome.EMERGENCY]
