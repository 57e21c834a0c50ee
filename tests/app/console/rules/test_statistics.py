"""Figures: hits as bars and as numbers, and the rules that nobody needs."""

from datetime import timedelta

from playwright.sync_api import Page, expect
from sqlalchemy import update

from app.console.rules.statistics import bar_chart
from config import clock
from config.database import session, transaction
from keywords.rules import store
from keywords.rules.store import RuleRow
from keywords.statistics import hits
from keywords.statistics.hits import HitIncrement
from tests.helpers.console import Console


def count(console: Console, code: str, account: str, number: int, *, days_ago: int = 0) -> None:
    at = clock.now() - timedelta(days=days_ago)
    account_id = console.account_id(account)
    with transaction():
        hits.record({(code, account_id, clock.local_day(at)): HitIncrement(number, at)})


def rule_id(code: str) -> int:
    with transaction():
        row = store.find_by_slug(code)
        assert row is not None
        return row.id


def test_bars_are_as_high_as_their_counts() -> None:
    today = clock.local_day(clock.now())
    days = {today + timedelta(days=number): number for number in range(3)}
    none, half, whole = bar_chart(days).bars
    assert none.height < half.height < whole.height
    assert whole.height == 2 * half.height
    assert bar_chart({today: 0}).max_count == 0
    assert bar_chart({}).bars == []


def test_a_rule_s_hits_are_shown_for_the_accounts_of_who_asks(console: Console) -> None:
    key = rule_id("police.id_card")
    count(console, "police.id_card", "police", 7)
    count(console, "police.id_card", "release", 5, days_ago=1)
    path = f"/console/studio/rules/{key}/hits"

    page = console.client("editor").get(path).text
    assert "<strong>12</strong>" in page
    assert "华阴release" in page
    own = console.client("editor", "police").get(path).text
    assert "<strong>7</strong>" in own
    assert "华阴release" not in own
    part = console.client("editor").get(path, headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith("<p")

    assert console.client("editor", "hrss").get(path).status_code == 404
    assert console.client("clerk", "police").get(path).status_code == 403


def test_rules_that_nobody_needs_are_listed_to_their_readers(console: Console) -> None:
    count(console, "police.id_card", "police", 1)
    count(console, "police.long", "police", 1, days_ago=200)
    with transaction():
        session.execute(update(RuleRow).values(created_at=clock.now() - timedelta(days=400)))

    page = console.client("editor", "police").get("/console/studio/silent").text

    assert "长答复" in page
    assert "身份证办理" not in page
    assert "社保卡" not in page
    assert console.client("clerk", "police").get("/console/studio/silent").status_code == 403


def test_the_numbers_stand_behind_the_bars(console: Console, site: str, phone: Page) -> None:
    count(console, "police.id_card", "police", 7)
    console.sign_in(phone, site, "editor")
    phone.goto(f"{site}/console/studio/rules/{rule_id('police.id_card')}/hits")

    expect(phone.get_by_role("img")).to_be_visible()
    phone.get_by_text("看数字").click()
    expect(phone.get_by_role("table", name="每个账号的命中次数")).to_contain_text("华阴police")
