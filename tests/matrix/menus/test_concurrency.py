"""Two editors at once: one version after the other, and nobody writes over anybody unseen."""

from collections.abc import Callable

from sqlalchemy import select

from config.database import run_in_transaction, session, transaction
from config.errors import Stale
from matrix import accounts, menus, qrcodes
from matrix.menus import Menu
from matrix.qrcodes import QrCodeSpec, SceneQrCode
from tests.helpers import NOW, concurrency
from tests.helpers.hub import Hub
from tests.helpers.principals import principal


def run_in_transactions(deed: Callable[[int], object]) -> list[object]:
    """What each of the editors got, or the error that stopped them."""
    return concurrency.run_concurrently(lambda number: run_in_transaction(lambda: deed(number)))


def account_id(hub: Hub) -> int:
    with transaction():
        return accounts.get_by_appid(hub.keys["police"].appid).id


def test_of_editors_who_save_at_once_one_wins_and_the_others_are_told(hub: Hub) -> None:
    owner = account_id(hub)

    def save(number: int) -> int:
        rows = [{"name": f"第{number}", "kind": "ask", "value": "身份证"}]
        return menus.save_draft(
            principal(), owner, menus.parse(rows), base_version=0, now=NOW
        ).version

    outcomes = run_in_transactions(save)

    assert outcomes.count(1) == 1
    assert outcomes.count(Stale) == concurrency.PEOPLE - 1
    with transaction():
        assert session.scalars(select(Menu.version)).all() == [1]


def test_a_scene_is_given_once_however_many_ask_for_it(hub: Hub) -> None:
    owner = account_id(hub)

    outcomes = run_in_transactions(
        lambda number: (
            qrcodes.create(
                principal(), owner, QrCodeSpec(name=f"窗口{number}", scene="w1"), now=NOW
            ).id
        )
    )

    assert sum(isinstance(outcome, int) for outcome in outcomes) == 1
    with transaction():
        assert len(session.scalars(select(SceneQrCode.id)).all()) == 1
