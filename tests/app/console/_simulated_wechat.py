"""The accounts of a desk at the simulated WeChat, and their jobs done by hand."""

from sqlalchemy import select

from config import clock, jobs
from config.database import session, transaction
from config.jobs import Job, JobState
from matrix import accounts
from matrix.wechat import tokens
from simulator.platform import Platform
from tests.helpers.console import Console
from tests.helpers.wechat import StartSimulator

_MIRRORED_FIELDS = ("appid", "original_id", "name", "secret", "token", "aes_key", "verified")


class SimulatedWeChat:
    """The accounts of the desk as WeChat has them."""

    def __init__(self, console: Console, simulate: StartSimulator) -> None:
        tokens.reset()
        with transaction():
            rows = [accounts.get_by_appid(keys.appid) for keys in console.hub.keys.values()]
            mirrored = [{name: getattr(row, name) for name in _MIRRORED_FIELDS} for row in rows]
        self.desk = console
        self.simulator = simulate(mirrored)
        self.platform: Platform = self.simulator.platform

    def appid(self, code: str) -> str:
        """The appid of a department's account."""
        return self.desk.hub.keys[code].appid

    def buttons(self, code: str) -> list[str]:
        """The names of the buttons everybody sees."""
        return [one["name"] for one in self.platform.menus.get(self.appid(code))["menu"]["button"]]

    def follower(self, code: str, *, platform: int = 2) -> str:
        """Somebody new who follows the account. Gives the openid."""
        citizen = self.platform.followers.add_citizen("李一", platform=platform)
        now = self.platform.clock.now()
        return self.platform.followers.follow(
            citizen.id, self.appid(code), now=now, scene=""
        ).openid


def run_waiting(*names: str) -> None:
    """Do what waits under these names."""
    with transaction():
        waiting = select(Job.id).where(Job.name.in_(names), Job.state == JobState.WAITING)
        ids = list(session.scalars(waiting.order_by(Job.id)))
    for job_id in ids:
        jobs.run(job_id, now=clock.now())
