"""Accounts in the console: who sees which, what is refused, and that no secret is shown twice."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from config import clock
from config.audit import AuditEntry
from config.database import engine, read_only, session, transaction
from config.jobs import Job
from matrix import accounts
from matrix.accounts import Account, connection_checks, todos
from matrix.accounts.connection_checks import CheckKind, CheckState
from matrix.accounts.jobs_and_alerts import AccountJob
from matrix.accounts.todos import TodoKind as TaskKind
from tests.app.console.accounts._accounts import PATH, get_account, record_push
from tests.helpers.console import Client, Console

NEW = {
    "name": "华阴税务",
    "appid": "wx00000000000000aa",
    "original_id": "gh_0000000000aa",
    "kind": "service",
    "verified": "y",
    "verified_until": "2027-05-01",
    "mode": "safe",
    "secret": "ofthetaxes0123456789",
    "welcome": "您好",
}
TYPED = {key: value for key, value in NEW.items() if key not in ("appid", "secret")}


@pytest.fixture
def police(console: Console) -> int:
    return console.account_id("police")


def new(console: Console, **changes: str) -> dict[str, Any]:
    return {**NEW, "department": console.department_id("police"), **changes}


# ---- who sees what ----


def test_the_list_shows_the_accounts_within_reach(console: Console) -> None:
    everything = console.client("matrix_admin").get(f"{PATH}/").text
    own = console.client("editor", "police").get(f"{PATH}/").text

    assert all(name in everything for name in ("华阴police", "华阴hrss", "华阴release"))
    assert "华阴police" in own
    assert "华阴hrss" not in own
    assert "接入账号" in everything
    assert "接入账号" not in own


def test_an_account_of_others_is_not_there(console: Console, police: int) -> None:
    stranger, reader = (
        console.client("department_admin", "hrss"),
        console.client("editor", "police"),
    )
    assert reader.get(f"{PATH}/{police}").status_code == 200
    for path in ("", "/connect", "/steps", "/edit", "/keys", "/secret", "/pause", "/code.svg"):
        assert stranger.get(f"{PATH}/{police}{path}").status_code == 404, path
    for path in (
        *("/check", "/connect/keys", "/keys/reveal", "/keys/start", "/keys/finish"),
        *("/keys/give-up", "/secret/propose", "/pause/now", "/resume", "/code", "/edit"),
    ):
        assert stranger.post(f"{PATH}/{police}{path}").status_code == 404, path
        assert reader.post(f"{PATH}/{police}{path}").status_code == 403, path


def test_who_only_reads_finds_no_buttons(console: Console, police: int) -> None:
    page = console.client("editor", "police").get(f"{PATH}/{police}").text

    assert "华阴police" in page
    for word in ("暂停", "重新检查", "密钥</a>", "向微信申请"):
        assert word not in page


def test_the_list_filters_by_level_and_name(console: Console, police: int) -> None:
    record_push(console, police)
    client = console.client("matrix_admin")

    well = client.get(f"{PATH}/?level=ok").text
    assert "华阴police" in well
    assert "华阴hrss" not in well
    assert "华阴hrss" in client.get(f"{PATH}/?level=bad").text
    assert "没有符合条件的账号" in client.get(f"{PATH}/?q=没有这个").text
    assert client.get(f"{PATH}/?level=nonsense").status_code == 200


# ---- registering ----


def test_an_account_is_registered_with_keys_of_its_own(console: Console) -> None:
    client = console.client("department_admin", "police")

    answer = client.post(f"{PATH}/new", new(console))

    assert answer.status_code == 303
    with transaction():
        made = accounts.get_by_appid(NEW["appid"])
        assert (len(made.token), len(made.aes_key)) == (32, 43)
        assert made.verified_until == date(2027, 5, 1)
        waiting = session.scalars(select(Job.name).where(Job.payload.is_not(None))).all()
        assert {AccountJob.CONNECT, AccountJob.CHECK_CONNECTION} <= set(waiting)
    page = client.get(answer.location)
    for secret in (made.token, made.aes_key, made.secret):
        assert secret not in page.text
    assert f"/wechat/{made.appid}" in page.text


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"appid": "wx12"}, "应为 wx 加 16 位小写十六进制字符"),
        ({"original_id": "huayin"}, "应以 gh_ 开头"),
        ({"name": ""}, "请填写账号名称"),
        ({"secret": ""}, "请粘贴 AppSecret"),
        ({"appid": f"wx{1:016x}"}, "已有账号使用"),
        ({"verified_until": "2027-02-31"}, "日期"),
        ({"kind": "bank"}, "标红"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_the_rest_is_kept(
    console: Console, change: dict[str, str], problem: str
) -> None:
    answer = console.client().post(f"{PATH}/new", new(console, **change))

    assert answer.status_code == 422
    assert problem in answer.text
    assert ("华阴税务" in answer.text) is ("name" not in change)
    assert NEW["secret"] not in answer.text
    with transaction():
        assert session.scalar(select(Account.id).where(Account.appid == NEW["appid"])) is None


def test_an_account_is_registered_only_in_a_department_one_manages(console: Console) -> None:
    client = console.client("department_admin", "police")
    elsewhere = console.department_id("hrss")

    answer = client.post(f"{PATH}/new", new(console) | {"department": elsewhere})

    assert answer.status_code == 422
    assert "华阴税务" in answer.text


def test_sent_twice_an_account_is_registered_once(console: Console) -> None:
    client = console.client()

    assert client.post(f"{PATH}/new", new(console)).status_code == 303
    assert client.post(f"{PATH}/new", new(console)).status_code == 422


# ---- the checks ----


def test_checks_are_asked_for_and_watched(console: Console, police: int) -> None:
    client = console.client("department_admin", "police")

    asked = client.post(f"{PATH}/{police}/check")
    assert "正在核对" in asked.text
    assert "every 3s" in asked.text
    with transaction():
        for kind in (CheckKind.TOKEN, CheckKind.ALLOW_LIST, CheckKind.ABILITY, CheckKind.IMPORT):
            connection_checks.record(police, kind, CheckState.OK, "好", now=clock.now())
    record_push(console, police)
    seen = client.get(f"{PATH}/{police}/steps").text
    assert "全部通过" in seen
    assert "every 3s" not in seen


def test_the_address_to_be_listed_can_be_copied(console: Console, police: int) -> None:
    with transaction():
        words, now = "不在白名单内。", clock.now()
        connection_checks.record(
            police, CheckKind.ALLOW_LIST, CheckState.FAILED, words, now=now, ip="203.0.113.9"
        )

    page = console.client().get(f"{PATH}/{police}/connect").text

    assert page.count('data-copy="203.0.113.9"') == 2


# ---- pausing, changing, tasks, the code ----


def test_an_account_is_paused_with_a_reason_and_resumed(console: Console, police: int) -> None:
    client = console.client("department_admin", "police")
    # what a paused account still does
    assert "市民的话涉及人身安全时，仍会提醒值班人员" in client.get(f"{PATH}/{police}/pause").text
    assert client.post(f"{PATH}/{police}/pause/now", {"reason": " "}).status_code == 422
    assert get_account(police).state is accounts.AccountState.ACTIVE

    assert client.post(f"{PATH}/{police}/pause/now", {"reason": "被冒用"}).status_code == 303
    assert get_account(police).state is accounts.AccountState.PAUSED
    assert "已暂停：被冒用" in client.get(f"{PATH}/{police}").text
    client.post(f"{PATH}/{police}/resume")
    assert get_account(police).state is accounts.AccountState.ACTIVE
    with read_only():
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "account.pause")
        ).one()
        assert client.staff is not None
        assert (entry.reason, entry.actor_id) == ("被冒用", client.staff.id)


def test_a_change_is_saved_and_hidden_fields_are_ignored(console: Console, police: int) -> None:
    client, before = console.client("department_admin", "police"), get_account(police)
    typed = TYPED | {
        "original_id": before.original_id,
        "department": before.department_id,
        "version": before.version,
        "secret": "smuggledsecret0123456789",
        "token": "smuggled",
        "state": "paused",
        "appid": "wx00000000000000ff",
    }

    assert client.post(f"{PATH}/{police}/edit", typed).status_code == 303

    after = get_account(police)
    assert (after.name, after.welcome) == ("华阴税务", "您好")
    assert after.verified_until == date(2027, 5, 1)
    for name in ("secret", "token", "aes_key", "state", "appid"):
        assert getattr(after, name) == getattr(before, name), name


def test_a_stale_change_says_who_was_first_and_offers_both(console: Console, police: int) -> None:
    first, second = console.client("department_admin", "police"), console.client("matrix_admin")
    account = get_account(police)
    typed = TYPED | {"original_id": account.original_id, "department": account.department_id}
    assert first.post(f"{PATH}/{police}/edit", typed | {"version": 1}).status_code == 303

    late = second.post(f"{PATH}/{police}/edit", typed | {"name": "华阴平安", "version": 1})

    assert first.staff is not None
    assert late.status_code == 422
    for words in (first.staff.name, "华阴税务", "华阴平安", "修改过这里"):
        assert words in late.text
    assert get_account(police).name == "华阴税务"
    shown = re.search(r'name="version"[^>]*value="(\d+)"', late.text)
    assert shown
    again = second.post(f"{PATH}/{police}/edit", typed | {"name": "华阴平安", "version": shown[1]})
    assert again.status_code == 303
    assert get_account(police).name == "华阴平安"


def test_a_day_of_verification_is_not_overwritten_unseen(console: Console, police: int) -> None:
    client, account = console.client("department_admin", "police"), get_account(police)
    typed = TYPED | {"original_id": account.original_id, "department": account.department_id}
    client.post(f"{PATH}/{police}/edit", typed | {"version": account.version})
    seen = {"version": get_account(police).version}

    first = client.post(f"{PATH}/{police}/edit", typed | seen | {"verified_until": "2027-06-01"})
    late = client.post(f"{PATH}/{police}/edit", typed | seen | {"verified_until": "2027-07-01"})

    assert (first.status_code, late.status_code) == (303, 422)
    assert get_account(police).verified_until == date(2027, 6, 1)


def test_an_account_is_not_moved_to_a_department_of_others(console: Console, police: int) -> None:
    account, elsewhere = get_account(police), console.department_id("hrss")
    typed = TYPED | {"original_id": account.original_id, "version": 1, "department": elsewhere}

    assert (
        console.client("department_admin", "police")
        .post(f"{PATH}/{police}/edit", typed)
        .status_code
        == 422
    )
    assert get_account(police).department_id == account.department_id
    assert console.client("matrix_admin").post(f"{PATH}/{police}/edit", typed).status_code == 303
    assert get_account(police).department_id == elsewhere


def test_a_todo_is_shown_and_closed_with_a_note(console: Console, police: int) -> None:
    with transaction():
        (task,) = todos.create_for([police], TaskKind.KEYS, "某人离岗", now=clock.now())
        session.flush()
        task_id = task.id
    client = console.client("department_admin", "police")
    assert "某人离岗" in client.get(f"{PATH}/{police}").text
    stranger = console.client("department_admin", "hrss")
    assert stranger.post(f"{PATH}/tasks/{task_id}/done", {"how": "没有"}).status_code == 404

    empty = client.post(f"{PATH}/tasks/{task_id}/done", {"how": ""}, follow_redirects=True)
    assert "请说明如何处理的" in empty.text
    client.post(f"{PATH}/tasks/{task_id}/done", {"how": "没有接触过密钥"})

    page = client.get(f"{PATH}/{police}").text
    assert "没有接触过密钥" in page
    assert client.staff is not None
    assert client.staff.name in page


def test_counters_can_be_cleared_once_half_of_them_is_used(console: Console, police: int) -> None:
    client = console.client("department_admin", "police")
    for left, shown in ((900, False), (400, True)):
        with transaction():
            now = clock.now()
            connection_checks.record(
                police, CheckKind.QUOTA, CheckState.OK, "", now=now, left=left, daily=1000
            )
        assert ("清零" in client.get(f"{PATH}/{police}").text) is shown
    assert client.post(f"{PATH}/{police}/quota/clear").status_code == 303
    assert (
        console.client("editor", "police").post(f"{PATH}/{police}/quota/clear").status_code == 403
    )


def test_the_accounts_code_is_drawn_for_screens_and_for_print(
    console: Console, police: int
) -> None:
    client = console.client("editor", "police")
    assert client.get(f"{PATH}/{police}/code.png").status_code == 404
    with transaction():
        accounts.set_qr_url(police, url="http://weixin.qq.com/q/abc")

    png, svg = (client.get(f"{PATH}/{police}/code.{kind}") for kind in ("png", "svg"))
    assert png.data.startswith(b"\x89PNG")
    assert b"<svg" in svg.data
    assert "attachment" in svg.headers["Content-Disposition"]
    assert client.get(f"{PATH}/{police}/code.exe").status_code == 404


@pytest.fixture
def statements(console: Console) -> Iterator[list[str]]:
    """What is asked of the database from now on."""
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        asked.append(statement)

    made = engine()
    event.listen(made, "before_cursor_execute", note)
    yield asked
    event.remove(made, "before_cursor_execute", note)


@pytest.mark.parametrize("path", ["", "new"])
def test_more_accounts_ask_no_more_questions(
    console: Console, statements: list[str], path: str
) -> None:
    client = console.client()

    def asked() -> int:
        statements.clear()
        assert client.get(f"{PATH}/{path}").status_code == 200
        return len(statements)

    client.get(f"{PATH}/")
    few = asked()
    with transaction():
        known = accounts.spec_of(accounts.get_by_appid(console.hub.keys["police"].appid))
        for number in range(100, 112):
            own = {"appid": f"wx{number:016x}", "original_id": f"gh_{number:012d}"}
            made = accounts.create(accounts.AccountSpec(**vars(known) | own), now=clock.now())
            connection_checks.record(
                made.id, CheckKind.TOKEN, CheckState.OK, "好", now=clock.now() - timedelta(hours=9)
            )

    assert asked() == few


def test_a_page_of_a_known_account_says_nothing_secret(console: Console, police: int) -> None:
    client: Client = console.client()
    account = get_account(police)
    for path in ("", "/connect", "/keys", "/secret", "/edit", "/pause"):
        page = client.get(f"{PATH}/{police}{path}")
        assert page.status_code == 200
        for secret in (account.token, account.aes_key, account.secret):
            assert secret not in page.text, path
