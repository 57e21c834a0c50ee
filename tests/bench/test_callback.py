"""Callback: figures are compared round by round, and a missed target is said aloud."""

from bench.callback import Result, Round, ratios, render, report


def result(name: str, *speeds: float, wrong: int = 0) -> Result:
    """A server that answered so many requests a second in each round."""
    turns = [
        Round(
            rps=speed,
            p50=5.0,
            p99=9.0,
            p99_at_half=7.0,
            cpu=300.0,
            checked=100,
            wrong={"content": wrong} if wrong else {},
        )
        for speed in speeds
    ]
    return Result(name, turns)


def test_a_slow_minute_of_the_machine_does_not_change_a_ratio() -> None:
    found = ratios([result("hub", 3000, 300, 3000), result("flask", 1000, 100, 1500)])

    assert found == {"hub": {"flask": 3.0}}


def test_the_target_is_held_against_the_stronger_of_a_peers_servers() -> None:
    told = render([result("hub", 3000), result("flask", 1000), result("flask-gthread", 2000)])

    assert "hub against flask on gunicorn: 1.50 × (at least 2 ×): NOT REACHED" in told


def test_a_reached_target_says_so() -> None:
    told = render([result("hub", 3000), result("werobot", 900), result("flask-granian", 2000)])

    assert "hub against werobot on gunicorn: 3.33 × (at least 3 ×): reached" in told
    assert "hub, p99 at half load: 7.0 ms (under 100 ms): reached" in told
    assert "against flask" not in told


def test_wrong_replies_stand_in_the_table_and_the_report() -> None:
    wrong = result("hub", 1000, 1000, wrong=2)

    assert "content 4" in render([wrong])
    assert report([wrong])["servers"]["hub"]["turns"][1]["wrong"] == {"content": 2}
