"""Channels and preferences: what is accepted, who may touch them, and what is never told."""

import re
from datetime import time

import pytest
from sqlalchemy import select, text

from config import settings
from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound, Stale
from config.permissions import Principal
from matrix.notifications import channels, preferences
from matrix.notifications.channels import ChannelKind, ChannelSpec, ChannelTest
from matrix.notifications.preferences import KindPreference, PreferencesSpec
from matrix.staff import members
from tests.helpers import NOW
from tests.matrix.conftest import MakeDepartment

pytestmark = pytest.mark.usefixtures("rolled_back")

WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=0123abcd-key"
DINGTALK = "https://oapi.dingtalk.com/robot/send?access_token=0123abcdtoken"
SECRET = "SEC0123456789abcdef"


def spec(kind: ChannelKind = ChannelKind.WECOM, address: str = WECOM, **more: str) -> ChannelSpec:
    return ChannelSpec(**{"kind": kind, "name": "值班群", "address": address} | more)


@pytest.fixture
def person(make_department: MakeDepartment) -> Principal:
    owner = make_department("police").id
    return hire("zhang", owner)


def hire(name: str, department_id: int | None) -> Principal:
    made = members.create(sign_in_name=name, name=name, department_id=department_id, now=NOW)
    return Principal(made.id, made.name, {}, department_id)


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        (ChannelKind.WECOM, ""),
        (ChannelKind.WECOM, "https://qyapi.weixin.qq.com/"),
        (ChannelKind.WECOM, WECOM.replace("https", "http")),
        (ChannelKind.WECOM, WECOM.replace("qyapi.weixin.qq.com", "127.0.0.1:6379")),
        (ChannelKind.WECOM, WECOM.replace("qyapi.weixin.qq.com", "qyapi.weixin.qq.com@10.0.0.1")),
        (ChannelKind.WECOM, WECOM.replace("qyapi.weixin.qq.com", "qyapi.weixin.qq.com:8443")),
        (ChannelKind.WECOM, WECOM.replace("/send", "/upload_media")),
        (ChannelKind.WECOM, WECOM + "&key=second-key"),
        (ChannelKind.WECOM, DINGTALK),
        (ChannelKind.DINGTALK, WECOM),
        (ChannelKind.DINGTALK, DINGTALK.replace("0123abcdtoken", "a b")),
        (ChannelKind.EMAIL, "nobody"),
        (ChannelKind.EMAIL, "a@b.cn\nBcc: c@d.cn"),
        (ChannelKind.EMAIL, "<a@b.cn>"),
    ],
)
def test_an_address_that_is_none_is_refused(kind: ChannelKind, address: str) -> None:
    with pytest.raises(Invalid) as refused:
        spec(kind, address)
    assert refused.value.field == "address"


def test_an_address_is_kept_without_what_does_not_belong_to_it() -> None:
    assert spec(address=f"  {WECOM}&debug=1#top ").address == WECOM
    assert spec(ChannelKind.DINGTALK, f"{DINGTALK}&timestamp=1&sign=x").address == DINGTALK
    assert spec(secret=SECRET).secret == "", "企业微信 signs nothing"
    with pytest.raises(Invalid, match="SEC"):
        spec(ChannelKind.DINGTALK, DINGTALK, secret="a b")


def test_addresses_and_secrets_are_encrypted_and_shown_to_nobody(person: Principal) -> None:
    made = channels.add(person, spec(ChannelKind.DINGTALK, DINGTALK, secret=SECRET), now=NOW)
    session.flush()
    stored = str(session.execute(text("SELECT * FROM notification_channels")).all())
    entries = str([vars(row) for row in session.scalars(select(AuditEntry))])
    shown = made.hint + made.label + repr(spec(ChannelKind.DINGTALK, DINGTALK, secret=SECRET))
    for secret in ("0123abcdtoken", SECRET):
        assert secret not in stored + entries + shown
    session.expire_all()
    assert (made.address, made.secret) == (DINGTALK, SECRET)
    assert made.hint == "oapi.dingtalk.com，末尾 oken"


def test_a_mail_address_needs_a_mail_server(
    person: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = spec(ChannelKind.EMAIL, "duty@example.cn")
    with pytest.raises(Invalid, match="邮件服务器"):
        channels.add(person, wanted, now=NOW)
    monkeypatch.setenv("SMTP_URL", "smtp://mail.example.cn")
    monkeypatch.setenv("SMTP_FROM", "hub@example.cn")
    settings.reset()
    assert channels.add(person, wanted, now=NOW).hint == "d***@example.cn"


def test_channels_are_ones_own(person: Principal) -> None:
    made = channels.add(person, spec(), now=NOW)
    other = hire("lisi", person.department_id)
    for deed in (
        lambda: channels.access_channel(other, made.id),
        lambda: channels.update(other, made.id, spec(), version=1),
        lambda: channels.move_first(other, made.id),
        lambda: channels.request_test(other, made.id),
        lambda: channels.remove(other, made.id),
    ):
        with pytest.raises(NotFound):
            deed()


def test_the_order_is_the_persons_and_there_is_a_limit(person: Principal) -> None:
    made = [channels.add(person, spec(name=f"群{number}"), now=NOW).id for number in range(5)]
    with pytest.raises(Invalid, match="最多 5"):
        channels.add(person, spec(), now=NOW)
    channels.move_first(person, made[3])
    channels.remove(person, made[0])
    session.flush()
    assert [row.id for row in channels.list_for_person(person.staff_id)] == [
        made[3],
        made[1],
        made[2],
        made[4],
    ]


def test_a_change_forgets_the_test_and_knows_what_it_changes(person: Principal) -> None:
    made = channels.add(person, spec(), now=NOW)
    channels.request_test(person, made.id)
    channels.record_test(made.id, problem="连接不上", now=NOW)
    assert (made.test, made.test_problem) == (ChannelTest.FAILED, "连接不上")
    channels.record_test(made.id, problem="", now=NOW)
    assert made.test is ChannelTest.FAILED, "nobody waits for a second result"
    channels.update(person, made.id, spec(name="新群"), version=1)
    assert (made.name, made.test, made.version) == ("新群", None, 2)
    with pytest.raises(Stale):
        channels.update(person, made.id, spec(), version=1)


def test_who_leaves_is_told_of_nothing_any_more(person: Principal) -> None:
    channels.add(person, spec(), now=NOW)
    channels.delete_of_person(person.staff_id)
    assert channels.list_for_person(person.staff_id) == []


# ---- preferences ----


def test_preferences_replace_each_other_and_know_their_version(person: Principal) -> None:
    made = channels.add(person, spec(), now=NOW)
    preferences.subscribe(person.staff_id, made.id, {"inbox.emergency": 5})
    first = PreferencesSpec(
        quiet_from=time(22),
        quiet_to=time(7),
        kinds=(
            KindPreference(kind="job.dead", channel_ids=(made.id,), repeat_minutes=30),
            KindPreference(kind="account.x"),
        ),
    )
    preferences.save(person, first, version=0)
    kept = preferences.by_person([person.staff_id])[person.staff_id]
    assert {kind: row.repeat_minutes for kind, row in kept.items()} == {"job.dead": 30}
    row = preferences.find_settings(person.staff_id)
    assert row is not None
    assert (row.quiet_from, row.quiet_to, row.version) == (time(22), time(7), 1)
    preferences.save(person, PreferencesSpec(), version=1)
    assert preferences.by_person([person.staff_id]) == {}
    with pytest.raises(Stale):
        preferences.save(person, first, version=1)


def test_a_change_of_the_kinds_alone_is_noticed_too(person: Principal) -> None:
    made = channels.add(person, spec(), now=NOW)
    preferences.save(person, PreferencesSpec(), version=0)
    kinds = (KindPreference(kind="job.dead", channel_ids=(made.id,)),)
    preferences.save(person, PreferencesSpec(kinds=kinds), version=1)
    with pytest.raises(Stale):
        preferences.save(person, PreferencesSpec(), version=1)


def test_a_new_channel_joins_those_of_a_kind(person: Principal) -> None:
    one, two = (channels.add(person, spec(name=name), now=NOW).id for name in "甲乙")
    preferences.subscribe(person.staff_id, one, {"inbox.emergency": 5})
    preferences.subscribe(person.staff_id, two, {"inbox.emergency": 9})
    session.flush()
    (row,) = preferences.list_for_kind("inbox.emergency")
    session.refresh(row)
    assert (row.channel_ids, row.repeat_minutes) == ([one, two], 5)


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        ({"quiet_from": time(22)}, "同时填写"),
        ({"quiet_from": time(22), "quiet_to": time(22)}, "不能相同"),
        ({"deputy_id": 10**6}, "本单位"),
        ({"kinds": (KindPreference(kind="x", channel_ids=(10**6,)),)}, "刷新"),
    ],
)
def test_what_cannot_be_wished_is_refused(
    person: Principal, wish: dict[str, object], problem: str
) -> None:
    with pytest.raises(Invalid, match=problem):
        preferences.save(person, PreferencesSpec(**wish), version=0)


def test_minutes_are_within_a_day() -> None:
    for value in (-1, 1441, "x"):
        with pytest.raises(Invalid, match=re.escape("0 到 1440")):
            PreferencesSpec(handover_minutes=value)


def test_deputies_are_colleagues_of_the_same_department(
    person: Principal, make_department: MakeDepartment
) -> None:
    colleague = hire("wang", person.department_id)
    hire("far", make_department("hrss").id)
    gone = hire("gone", person.department_id)
    members.disable(gone.staff_id, now=NOW)
    chief = hire("chief", None)
    second = hire("second", None)

    assert [row.id for row in preferences.list_deputies(person)] == [colleague.staff_id]
    assert [row.id for row in preferences.list_deputies(chief)] == [second.staff_id]
