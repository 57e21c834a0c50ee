"""The accounts of a desk at the simulated WeChat, and their jobs done by hand."""

from sqlalchemy import select

from config import clock, jobs
from config.database import session, transaction
from config.jobs import Job, State
from matrix import accounts
from matrix.wechat import tokens
from simulator.world import World
from tests.fixtures.console import Desk
from tests.fixtures.simulated import Simulate

_MIRRORED = ("appid", "original_id", "name", "secret", "token", "aes_key", "verified")


class WeChat:
    """The accounts of the desk as WeChat has them."""

    def __init__(self, desk: Desk, simulate: Simulate) -> None:
        tokens.forget()
        with transaction():
            rows = [accounts.by_appid(keys.appid) for keys in desk.hub.keys.values()]
            mirrored = [{name: getattr(row, name) for name in _MIRRORED} for row in rows]
        self.desk = desk
        self.simulated = simulate(mirrored)
        self.world: World = self.simulated.world

    def appid(self, code: str) -> str:
        """The appid of a department's account."""
        return self.desk.hub.keys[code].appid

    def buttons(self, code: str) -> list[str]:
        """The names of the buttons everybody sees."""
        return [one["name"] for one in self.world.menus.get(self.appid(code))["menu"]["button"]]

    def follower(self, code: str, *, platform: int = 2) -> str:
        """Somebody new who follows the account. Gives the openid."""
        citizen = self.world.followers.add_citizen("李一", platform=platform)
        now = self.world.clock.now()
        return self.world.followers.follow(citizen.id, self.appid(code), now=now, scene="").openid


def do_all(*names: str) -> None:
    """Do what waits under these names."""
    with transaction():
        waiting = select(Job.id).where(Job.name.in_(names), Job.state == State.WAITING)
        ids = list(session.scalars(waiting.order_by(Job.id)))
    for job_id in ids:
        jobs.run(job_id, now=clock.now())
