"""One token for each account, fetched by one at a time, and never more often than needed."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from time import sleep

import pytest

from config import cache
from matrix.wechat import tokens
from matrix.wechat.errors import NotAuthorised, Temporary
from tests.helpers.redis_server import RedisServer
from tests.matrix.wechat.conftest import APPID, SECRET, SimulatedWeChat

ROOT = Path(__file__).parents[3]


@pytest.mark.usefixtures("redis_url")
def test_a_token_is_fetched_once(wechat: SimulatedWeChat) -> None:
    first = tokens.current(wechat.account)

    assert [tokens.current(wechat.account) for _ in range(20)] == [first] * 20
    assert wechat.platform.tokens.get_owner(first) == APPID
    assert wechat.fetches == 1


@pytest.mark.usefixtures("redis_url")
def test_another_process_finds_the_token_in_redis(wechat: SimulatedWeChat) -> None:
    first = tokens.current(wechat.account)
    tokens.reset()

    assert tokens.current(wechat.account) == first
    assert wechat.fetches == 1


@pytest.mark.usefixtures("redis_url")
def test_a_token_in_redis_cannot_be_read_there(wechat: SimulatedWeChat) -> None:
    value = tokens.current(wechat.account).encode()

    stored = [cache.client().get(key) for key in cache.client().scan_iter("*")]
    assert stored
    assert not any(isinstance(one, bytes) and value in one for one in stored)


@pytest.mark.usefixtures("redis_url")
def test_what_nobody_sealed_in_redis_is_fetched_again(wechat: SimulatedWeChat) -> None:
    tokens.current(wechat.account)
    for key in cache.client().scan_iter("*"):
        cache.client().set(key, "gibberish")
    tokens.reset()

    assert tokens.current(wechat.account)
    assert wechat.fetches == 2


def test_with_redis_emptied_the_process_goes_on_and_a_new_one_fetches(
    wechat: SimulatedWeChat, redis_server: RedisServer
) -> None:
    first = tokens.current(wechat.account)
    redis_server.kill()

    assert tokens.current(wechat.account) == first
    assert wechat.fetches == 1

    redis_server.start()
    cache.reset()
    tokens.reset()

    assert tokens.current(wechat.account) == first  # WeChat hands out the same while it lives
    assert wechat.fetches == 2


def test_with_redis_away_a_process_fetches_once(wechat: SimulatedWeChat) -> None:
    with ThreadPoolExecutor(16) as pool:
        values = set(pool.map(lambda _: tokens.current(wechat.account), range(64)))

    assert len(values) == 1
    assert wechat.fetches == 1


@pytest.mark.usefixtures("redis_url")
def test_a_refused_token_is_fetched_again_once_for_all_threads(wechat: SimulatedWeChat) -> None:
    first = tokens.current(wechat.account)
    wechat.platform.tokens.revoke_all(APPID)

    with ThreadPoolExecutor(16) as pool:
        values = set(pool.map(lambda _: tokens.replace_refused(wechat.account, first), range(64)))

    assert len(values) == 1
    assert first not in values
    assert wechat.fetches == 2


@pytest.mark.usefixtures("redis_url")
def test_a_token_refused_after_another_process_fetched_needs_no_fetch(
    wechat: SimulatedWeChat,
) -> None:
    first = tokens.current(wechat.account)
    wechat.platform.tokens.revoke_all(APPID)
    second = tokens.replace_refused(wechat.account, first)
    tokens.reset()

    assert tokens.replace_refused(wechat.account, first) == second
    assert wechat.fetches == 2


@pytest.mark.usefixtures("redis_url")
def test_a_refused_token_that_wechat_calls_good_is_not_fetched_by_each_thread(
    wechat: SimulatedWeChat,
) -> None:
    first = tokens.current(wechat.account)

    with ThreadPoolExecutor(8) as pool:
        values = set(pool.map(lambda _: tokens.replace_refused(wechat.account, first), range(32)))

    assert values == {first}
    assert wechat.fetches == 2


@pytest.mark.usefixtures("redis_url")
def test_a_token_is_renewed_before_it_ends(wechat: SimulatedWeChat) -> None:
    wechat.platform.limits.update({"token_seconds": 2, "token_overlap": 2})
    first = tokens.current(wechat.account)
    sleep(1.6)  # a quarter of its life is left

    second = tokens.current(wechat.account)

    assert second != first
    assert wechat.fetches == 2


@pytest.mark.usefixtures("redis_url")
def test_when_renewing_fails_the_old_token_serves_to_its_end(wechat: SimulatedWeChat) -> None:
    wechat.platform.limits.update({"token_seconds": 4, "token_overlap": 4})
    first = tokens.current(wechat.account)
    wechat.platform.faults.add({"kind": "http_502", "path": "/cgi-bin/stable_token"})
    sleep(3.1)

    assert tokens.current(wechat.account) == first
    sleep(1.0)
    with pytest.raises(Temporary):
        tokens.current(wechat.account)


@pytest.mark.usefixtures("redis_url")
def test_while_one_renews_the_others_use_the_old_token(wechat: SimulatedWeChat) -> None:
    wechat.platform.limits.update({"token_seconds": 4, "token_overlap": 4})
    first = tokens.current(wechat.account)
    sleep(3.1)
    wechat.platform.faults.add({"kind": "slow", "path": "/cgi-bin/stable_token", "seconds": 0.6})
    got: list[str] = []
    renewing = threading.Thread(target=lambda: got.append(tokens.current(wechat.account)))
    renewing.start()
    sleep(0.3)

    assert tokens.current(wechat.account) == first
    renewing.join()
    assert got != [first]
    assert tokens.current(wechat.account) == got[0]
    assert wechat.fetches == 2


@pytest.mark.usefixtures("redis_url")
def test_a_wrong_secret_is_a_matter_of_settings_and_asked_once(wechat: SimulatedWeChat) -> None:
    wrong = wechat.with_secret("wrong")

    for _ in range(5):
        with pytest.raises(NotAuthorised, match="AppSecret") as refusal:
            tokens.current(wrong)
        assert refusal.value.errcode == 40125
        assert refusal.value.rid
        assert "wrong" not in str(refusal.value.facts)

    assert wechat.fetches == 1
    assert tokens.current(wechat.account)  # a mended secret is tried at once


@pytest.mark.parametrize(
    ("change", "errcode", "words"),
    [
        ({"ip_allow_list": ["192.0.2.1"]}, 40164, "127.0.0.1"),
        ({"secret_frozen": True}, 40243, "冻结"),
    ],
)
def test_what_staff_must_fix_is_said(
    wechat: SimulatedWeChat, change: dict[str, object], errcode: int, words: str
) -> None:
    account = wechat.platform.accounts.find(APPID)
    assert account
    for name, value in change.items():
        setattr(account, name, value)

    with pytest.raises(NotAuthorised, match=words) as refusal:
        tokens.current(wechat.account)
    assert refusal.value.errcode == errcode


def test_a_busy_wechat_is_tried_later(wechat: SimulatedWeChat) -> None:
    wechat.platform.faults.add({"kind": "busy", "count": 1})

    with pytest.raises(Temporary):
        tokens.current(wechat.account)


def fetch_in_threads(*refused: str) -> list[str]:
    """What sixteen threads in each of two processes get when they ask at once."""
    command = [sys.executable, "-m", "tests.matrix.wechat._token_process", APPID, SECRET, *refused]
    with ExitStack() as running:
        processes = [
            running.enter_context(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=dict(os.environ),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(2)
        ]
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        return [value for process in processes for value in json.loads(process.stdout.readline())]


@pytest.mark.processes
@pytest.mark.usefixtures("redis_url")
def test_sixteen_threads_in_two_processes_fetch_one_token(wechat: SimulatedWeChat) -> None:
    got = fetch_in_threads()

    assert len(got) == 32
    assert len(set(got)) == 1
    assert wechat.fetches == 1

    wechat.platform.tokens.revoke_all(APPID)
    again = fetch_in_threads(got[0])

    assert len(set(again)) == 1
    assert again[0] != got[0]
    assert wechat.fetches == 2


@pytest.mark.processes
@pytest.mark.usefixtures("redis_url")
def test_with_a_slow_wechat_too_they_fetch_one_token(wechat: SimulatedWeChat) -> None:
    wechat.platform.faults.add({"kind": "slow", "seconds": 0.5})

    assert len(set(fetch_in_threads())) == 1
    assert wechat.fetches == 1
