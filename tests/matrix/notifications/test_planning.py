"""Planning: who is told now and when next, from what is known and nothing else."""

from datetime import UTC, datetime, time, timedelta

import pytest

from matrix.notifications.planning import AlertFacts, Plan, Recipient, Told, make_plan
from matrix.notifications.preferences import QuietHours

# 20:00 in the city
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NIGHT = QuietHours(time(22), time(7))
BOSS = Recipient(1)


def facts(*, urgent: bool = False, last: datetime = NOW) -> AlertFacts:
    return AlertFacts(urgent, NOW, last)


def told(first: datetime, last: datetime | None = None) -> Told:
    return Told(first, last or first)


def test_everybody_is_told_at_once_and_without_a_repeat_never_again() -> None:
    assert make_plan(facts(), [BOSS, Recipient(2)], {}, now=NOW) == Plan((BOSS, Recipient(2)), None)
    assert make_plan(facts(), [BOSS], {1: told(NOW)}, now=NOW + HOUR) == Plan((), None)
    assert make_plan(facts(), [], {}, now=NOW) == Plan((), None)


def test_it_is_repeated_every_so_many_minutes() -> None:
    often = Recipient(1, repeat=10 * MINUTE)
    assert make_plan(facts(), [often], {}, now=NOW) == Plan((often,), NOW + 10 * MINUTE)
    waiting = make_plan(facts(), [often], {1: told(NOW)}, now=NOW + 9 * MINUTE)
    assert waiting == Plan((), NOW + 10 * MINUTE)
    late = NOW + 13 * MINUTE
    assert make_plan(facts(), [often], {1: told(NOW)}, now=late) == Plan(
        (often,), late + 10 * MINUTE
    )


@pytest.mark.parametrize(
    ("hour", "until"),
    [(20, None), (22, 31), (23, 31), (24, 31), (30, 31), (31, None)],
)
def test_quiet_hours_end_the_next_morning(hour: int, until: int | None) -> None:
    midnight = NOW - 20 * HOUR
    end = NIGHT.end_after(midnight + hour * HOUR)
    assert end == (None if until is None else midnight + until * HOUR)


def test_quiet_hours_within_a_day() -> None:
    noon = QuietHours(time(12), time(14))
    midnight = NOW - 20 * HOUR
    assert noon.end_after(midnight + 13 * HOUR) == midnight + 14 * HOUR
    assert noon.end_after(midnight + 14 * HOUR) is None
    assert noon.end_after(midnight + 11 * HOUR) is None


def test_in_quiet_hours_only_an_urgent_alert_is_told_and_the_others_when_they_end() -> None:
    sleeper, night = Recipient(1, quiet=NIGHT), NOW + 3 * HOUR
    morning = NOW + 11 * HOUR
    assert make_plan(facts(), [sleeper], {}, now=night) == Plan((), morning)
    assert make_plan(facts(urgent=True), [sleeper], {}, now=night) == Plan((sleeper,), None)
    assert make_plan(facts(), [sleeper], {}, now=morning) == Plan((sleeper,), None)
    repeated = Recipient(1, quiet=NIGHT, repeat=10 * MINUTE)
    again = make_plan(facts(), [repeated], {1: told(NOW)}, now=night)
    assert again == Plan((), morning)


def test_a_danger_that_is_reported_again_is_told_again_but_not_each_time() -> None:
    raised = facts(urgent=True, last=NOW + MINUTE)
    early = make_plan(raised, [BOSS], {1: told(NOW)}, now=NOW + 2 * MINUTE)
    assert early == Plan((), NOW + 5 * MINUTE)
    due = make_plan(raised, [BOSS], {1: told(NOW)}, now=NOW + 5 * MINUTE)
    assert due == Plan((BOSS,), None)
    calm = facts(urgent=False, last=NOW + MINUTE)
    assert make_plan(calm, [BOSS], {1: told(NOW)}, now=NOW + HOUR) == Plan((), None)


def test_a_deputy_is_told_when_nobody_took_it_for_so_long() -> None:
    deputy = Recipient(2, on_behalf_of=1, waits_for=15 * MINUTE, repeat=30 * MINUTE)
    first = make_plan(facts(), [BOSS, deputy], {}, now=NOW)
    assert first == Plan((BOSS,), NOW + 15 * MINUTE)
    handed = make_plan(facts(), [BOSS, deputy], {1: told(NOW)}, now=NOW + 15 * MINUTE)
    assert handed == Plan((deputy,), NOW + 45 * MINUTE)
    at_once = Recipient(2, on_behalf_of=1)
    assert make_plan(facts(), [BOSS, at_once], {}, now=NOW).tell == (BOSS, at_once)


def test_a_deputy_waits_while_the_other_one_sleeps() -> None:
    sleeper = Recipient(1, quiet=NIGHT)
    deputy = Recipient(2, on_behalf_of=1, waits_for=15 * MINUTE)
    night = NOW + 3 * HOUR
    assert make_plan(facts(), [sleeper, deputy], {}, now=night) == Plan((), NOW + 11 * HOUR)
