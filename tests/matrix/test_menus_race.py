"""Two editors at once: one version after the other, and nobody writes over anybody unseen."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from sqlalchemy import select

from config.database import retrying, session, transaction
from matrix import accounts, codes, menus
from matrix.codes import Code, Wish
from matrix.menus import Menu, MenuChanged
from tests.fixtures import NOW
from tests.fixtures.hub import Hub
from tests.matrix.members import member

EDITORS = 4


def at_once(deed: Callable[[int], object]) -> list[object]:
    """What each of the editors got, or the error that stopped them."""
    start = Barrier(EDITORS)

    def one(number: int) -> object:
        start.wait()
        try:
            return retrying(lambda: deed(number))
        except Exception as error:
            return type(error)

    with ThreadPoolExecutor(EDITORS) as pool:
        return list(pool.map(one, range(EDITORS)))


def account_id(hub: Hub) -> int:
    with transaction():
        return accounts.by_appid(hub.keys["police"].appid).id


def test_of_editors_who_save_at_once_one_wins_and_the_others_are_told(hub: Hub) -> None:
    owner = account_id(hub)

    def save(number: int) -> int:
        rows = [{"name": f"第{number}", "kind": "ask", "value": "身份证"}]
        return menus.save(member(), owner, menus.parse(rows), seen=0, now=NOW).version

    outcomes = at_once(save)

    assert outcomes.count(1) == 1
    assert outcomes.count(MenuChanged) == EDITORS - 1
    with transaction():
        assert session.scalars(select(Menu.version)).all() == [1]


def test_a_scene_is_given_once_however_many_ask_for_it(hub: Hub) -> None:
    owner = account_id(hub)

    outcomes = at_once(
        lambda number: codes.create(member(), owner, Wish(f"窗口{number}", "w1"), now=NOW).id
    )

    assert sum(isinstance(outcome, int) for outcome in outcomes) == 1
    with transaction():
        assert len(session.scalars(select(Code.id)).all()) == 1
