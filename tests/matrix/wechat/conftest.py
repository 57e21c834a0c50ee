"""An account at the simulated WeChat, and what the gateway needs to speak for it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from config import settings
from matrix.wechat import http_client, tokens
from matrix.wechat.credentials import Credentials
from simulator.accounts.followers import Follower
from simulator.platform import Platform
from tests.helpers.wechat import StartSimulator
from tests.matrix.wechat import _scripted_server
from tests.matrix.wechat._scripted_server import ScriptedServer

APPID = "wx00000000000000aa"
SECRET = "5ecretOfTheTests0123456789abcdef"
ACCOUNT = {
    "appid": APPID,
    "original_id": "gh_5d0e2f4a91c7",
    "name": "华阴测试",
    "secret": SECRET,
    "token": "TokenOfTests",
    "mode": "plain",
    "console": {},
}
CREDENTIALS = Credentials(
    account_id=1, appid=APPID, original_id=str(ACCOUNT["original_id"]), secret=SECRET
)


@dataclass(frozen=True)
class SimulatedWeChat:
    """The simulated platform with one account, and that account's credentials."""

    platform: Platform
    account: Credentials

    def follower(self, name: str = "李一") -> Follower:
        """A citizen who follows the account and has just written."""
        citizen = self.platform.followers.add_citizen(name)
        now = self.platform.clock.now()
        follower = self.platform.followers.follow(citizen.id, APPID, now=now, scene="")
        self.platform.windows.record_message(APPID, follower.openid)
        return follower

    def calls(self, path: str) -> list[dict[str, Any]]:
        """The calls of this path that arrived."""
        return self.platform.request_log.list_entries(what="api", path=path)

    @property
    def fetches(self) -> int:
        """How often a token was asked for."""
        return len(self.calls("/cgi-bin/stable_token"))

    def with_secret(self, secret: str) -> Credentials:
        """Credentials with another secret."""
        return replace(self.account, secret=secret)


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """Tokens and connections of one test are not those of the next."""
    tokens.reset()
    yield
    tokens.reset()
    http_client.close()


@pytest.fixture
def wechat(start_simulator: StartSimulator) -> SimulatedWeChat:
    """A verified service account. Without `redis_url` in the same test, Redis is away."""
    return SimulatedWeChat(start_simulator([ACCOUNT]).platform, CREDENTIALS)


@pytest.fixture
def scripted_server() -> Iterator[ScriptedServer]:
    """A WeChat that says what the test writes down, to an impatient hub."""
    names = ("WECHAT_API_URL", "WECHAT_READ_TIMEOUT", "WECHAT_CONNECT_TIMEOUT")
    before = {name: os.environ.get(name) for name in names}
    with _scripted_server.serve() as scripted_server:
        os.environ.update(zip(names, (scripted_server.url, "0.3", "0.3"), strict=True))
        settings.reset()
        yield scripted_server
    for name, value in before.items():
        os.environ.pop(name)
        if value is not None:
            os.environ[name] = value
    settings.reset()
