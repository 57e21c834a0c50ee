"""Keys in the console: shown on a fresh proof, changed without a gap, the secret never shown."""

import pytest
from sqlalchemy import select

from config import clock
from config.database import session, transaction
from config.jobs import Job
from matrix import accounts
from matrix.accounts import callback_stats
from matrix.accounts.jobs_and_alerts import AccountJob
from tests.app.console.accounts._accounts import PATH, get_account, record_push
from tests.helpers.console import Console


@pytest.fixture
def police(console: Console) -> int:
    return console.account_id("police")


def test_keys_are_shown_after_a_fresh_proof_until_wechat_uses_them(
    console: Console, police: int
) -> None:
    account = get_account(police)
    late = console.client("department_admin", "police", fresh=False)
    asked = late.post(f"{PATH}/{police}/connect/keys")
    assert asked.status_code == 403
    assert account.aes_key not in asked.text

    client = console.client("department_admin", "police")
    shown = client.post(f"{PATH}/{police}/connect/keys")
    assert account.token in shown.text
    assert account.aes_key in shown.text
    assert account.secret not in shown.text
    assert shown.headers["Cache-Control"] == "no-store"

    record_push(console, police)
    refused = client.post(f"{PATH}/{police}/connect/keys", follow_redirects=True)
    assert "不能再次显示" in refused.text
    assert account.aes_key not in refused.text


def test_wechats_check_of_the_address_alone_does_not_hide_the_keys(
    console: Console, police: int
) -> None:
    with transaction():
        connection = {one.id: one for one in accounts.snapshots().values()}[police]
        callback_stats.record_verification(connection, clock.now())
        callback_stats.flush()

    shown = console.client().post(f"{PATH}/{police}/connect/keys")

    assert get_account(police).aes_key in shown.text, "it may have been pasted wrongly"


def test_a_rotation_goes_from_step_to_step(console: Console, police: int) -> None:
    client, old = console.client("department_admin", "police"), get_account(police)
    record_push(console, police)

    started = client.post(f"{PATH}/{police}/keys/start")
    fresh = get_account(police)
    assert fresh.aes_key in started.text
    assert fresh.aes_key != old.aes_key
    assert fresh.aes_key not in client.get(f"{PATH}/{police}/keys").text
    again = client.post(f"{PATH}/{police}/keys/start", follow_redirects=True)
    assert "正在更换密钥" in again.text

    too_early = client.post(f"{PATH}/{police}/keys/finish")
    assert too_early.status_code == 422
    assert "还没有收到用新密钥发来的推送" in too_early.text
    record_push(console, police)
    assert "可以完成更换了" in client.get(f"{PATH}/{police}/keys/progress").text
    assert client.post(f"{PATH}/{police}/keys/finish").status_code == 303
    assert get_account(police).previous_token is None


def test_stolen_keys_are_ended_and_a_rotation_is_given_up(console: Console, police: int) -> None:
    client, old = console.client(), get_account(police)
    client.post(f"{PATH}/{police}/keys/start")
    client.post(f"{PATH}/{police}/keys/give-up")
    assert get_account(police).token == old.token
    assert "没有正在进行" in client.post(
        f"{PATH}/{police}/keys/give-up", follow_redirects=True
    ).text.replace("\n", "")

    client.post(f"{PATH}/{police}/keys/start")
    assert client.post(f"{PATH}/{police}/keys/finish", {"anyway": "y"}).status_code == 303
    assert get_account(police).previous_aes_key is None


@pytest.mark.parametrize(
    "path", ["connect/keys", "keys/reveal", "keys/start", "keys/finish", "secret/propose"]
)
def test_dangerous_actions_ask_for_the_second_factor_again(
    console: Console, police: int, path: str
) -> None:
    client, before = console.client(fresh=False), get_account(police)

    answer = client.post(f"{PATH}/{police}/{path}", {"secret": "brandnewsecret0123456789"})

    assert answer.status_code == 403
    after = get_account(police)
    assert (after.token, after.pending_secret, after.version) == (before.token, None, 1)


def test_a_new_secret_is_proposed_and_never_shown(console: Console, police: int) -> None:
    client = console.client()
    wrong = client.post(f"{PATH}/{police}/secret/propose", {"secret": "短"})
    assert wrong.status_code == 422
    assert "16 到 64 位" in wrong.text

    answer = client.post(
        f"{PATH}/{police}/secret/propose", {"secret": " brandnewsecret0123456789 "}
    )

    assert get_account(police).pending_secret == "brandnewsecret0123456789"
    page = client.get(answer.location).text
    assert "正在向微信核对" in page
    assert "brandnewsecret" not in page
    with transaction():
        assert session.scalars(
            select(Job).where(Job.name == AccountJob.VERIFY_SECRET)
        ).one().payload == {"account_id": police}
