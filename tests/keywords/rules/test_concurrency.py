"""The same default reply saved by several people at once: one of them wins, the others are told."""

import pytest

from config.database import read_only, run_in_transaction, transaction
from config.errors import Stale
from keywords.rules import default_replies
from tests.helpers import NOW, concurrency

pytestmark = pytest.mark.usefixtures("own_database")


def test_of_editors_who_save_a_text_at_once_one_wins() -> None:
    with transaction():
        default_replies.set_fallback("请拨打 12345。", now=NOW)

    def save(number: int) -> bool:
        return default_replies.set_fallback(f"由{number}所写", expected="请拨打 12345。", now=NOW)

    outcomes = concurrency.run_concurrently(lambda number: run_in_transaction(lambda: save(number)))

    assert outcomes.count(Stale) == concurrency.PEOPLE - 1, outcomes
    with read_only():
        (text,) = default_replies.load().fallbacks.values()
        assert text == f"由{outcomes.index(True)}所写"
