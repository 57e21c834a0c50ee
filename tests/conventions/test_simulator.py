"""WeChat as tests have it."""

import requests

from config import settings
from tests.helpers.wechat import StartSimulator

ACCOUNT = {
    "appid": "wx0123456789abcdef",
    "original_id": "gh_0123456789ab",
    "name": "华阴测试",
    "secret": "0" * 32,
    "token": "token",
    "mode": "plain",
}


def test_a_simulated_wechat_gives_tokens_and_is_the_one_this_process_calls(
    start_simulator: StartSimulator,
) -> None:
    wechat = start_simulator([ACCOUNT])

    assert settings.get().wechat_api_url == wechat.url
    answer = requests.post(
        f"{wechat.url}/cgi-bin/stable_token",
        json={
            "grant_type": "client_credential",
            "appid": ACCOUNT["appid"],
            "secret": ACCOUNT["secret"],
        },
        timeout=10,
    )
    assert answer.json()["access_token"]


def test_without_a_simulator_there_is_no_wechat() -> None:
    assert settings.get().wechat_api_url == "http://127.0.0.1:9"
