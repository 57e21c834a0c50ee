"""Citizens, and the followers they are at each account.

    Citizen 1 ──< n Follower n >── 1 Account

A citizen is a person with a phone. Each account knows the same person by another openid, computed
from both ids, so it is stable over restarts. A follower exists from the first follow on;
`subscribed` says whether the citizen still follows.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from simulator.core.errors import ActionRejected, ApiError
from simulator.core.storage import Storage

DEFAULT_CITIZENS = ("市民甲", "市民乙", "市民丙")


@dataclass
class Citizen:
    """A person with a phone. platform: 1 iOS, 2 Android."""

    id: str
    name: str
    platform: int = 2


@dataclass
class Follower:
    """One citizen at one account; times in virtual unix seconds."""

    appid: str
    openid: str
    citizen: str
    subscribed: bool = True
    subscribe_time: int = 0
    subscribe_scene: str = "ADD_SCENE_SEARCH"
    qr_scene: int = 0
    qr_scene_str: str = ""
    remark: str = ""
    tags: list[int] = field(default_factory=list)
    blacklisted: bool = False
    refuses: bool = False  # the citizen switched "接收消息" off
    # notice template id -> how many may still be sent
    consents: dict[str, int] = field(default_factory=dict)


def openid_of(citizen: str, appid: str) -> str:
    """The openid (28 characters) of a citizen at an account."""
    account = base64.urlsafe_b64encode(hashlib.sha256(appid.encode()).digest()).decode()
    person = hashlib.sha256(f"{appid}/{citizen}".encode()).digest()
    # openids of one account begin alike, as real ones do: code that compares only the beginning
    # fails
    return "o" + account[:5] + base64.urlsafe_b64encode(person).decode()[:22]


class Followers:
    """All citizens and all followers."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._citizens = {body["id"]: Citizen(**body) for body in storage.load_all("citizen")}
        self._by_key: dict[tuple[str, str], Follower] = {}
        for body in storage.load_all("follower"):
            follower = Follower(**body)
            self._by_key[follower.appid, follower.openid] = follower
        if not self._citizens:
            for name in DEFAULT_CITIZENS:
                self.add_citizen(name)

    def add_citizen(self, name: str, *, platform: int = 2) -> Citizen:
        """Add a citizen; ids count up: c1, c2 …"""
        citizen = Citizen(f"c{len(self._citizens) + 1}", name, platform)
        self._citizens[citizen.id] = citizen
        self._storage.put("citizen", citizen.id, asdict(citizen))
        return citizen

    def list_citizens(self) -> list[Citizen]:
        """All citizens, the oldest first."""
        return list(self._citizens.values())

    def get_citizen(self, citizen_id: str) -> Citizen:
        """The citizen; ActionRejected when there is none."""
        citizen = self._citizens.get(citizen_id)
        if citizen is None:
            raise ActionRejected("没有这位市民")
        return citizen

    def find(self, citizen_id: str, appid: str) -> Follower | None:
        """The follower, also after an unfollow; None if the citizen never followed."""
        return self._by_key.get((appid, openid_of(citizen_id, appid)))

    def follow(self, citizen_id: str, appid: str, *, now: float, scene: str) -> Follower:
        """Follow an account; tags and remark from an earlier follow are removed."""
        openid = openid_of(citizen_id, appid)
        # the same openid as before: only tags and remark are gone once somebody has left
        follower = Follower(
            appid, openid, citizen_id, subscribe_time=int(now), subscribe_scene=scene
        )
        self._by_key[appid, openid] = follower
        self.save(follower)
        return follower

    def save(self, follower: Follower) -> None:
        """Store a changed follower."""
        self._storage.put("follower", f"{follower.appid}/{follower.openid}", asdict(follower))

    def get_by_openid(self, appid: str, openid: object) -> Follower:
        """The follower of an openid in an API call; 40003 when it is not this account's."""
        follower = self._by_key.get((appid, openid)) if isinstance(openid, str) else None
        # an openid of another account of the matrix is the usual mistake, and gives the same code
        if follower is None:
            raise ApiError(40003, "invalid openid")
        return follower

    def list_subscribed(self, appid: str) -> Iterator[Follower]:
        """The present followers of an account, in the order of their first follow."""
        return (one for one in list(self._by_key.values()) if one.appid == appid and one.subscribed)
