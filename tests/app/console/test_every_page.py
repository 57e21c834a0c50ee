"""Every page of the console in a real browser, at a desk and on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.helpers.console import Console
from tests.helpers.route_samples import list_visits
from tests.helpers.source_tree import format_findings

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(400),
    # what a page looks like does not depend on the database
    pytest.mark.parametrize("database_server", ["sqlite"], indirect=True),
]


def pages(console: Console) -> Iterator[str]:
    """The address of every whole page: no file, and no part that htmx asks for."""
    client = console.client()
    for visit in list_visits(console, "police"):
        if visit.is_read:
            answer = client.get(visit.path)
            if answer.status_code == 200 and answer.data.startswith(b"<!doctype html>"):
                yield visit.path


def troubles(console: Console, page: Page, site: str) -> list[str]:
    """What a reader would stumble over; errors of scripts fail the test by themselves."""
    console.sign_in(page, site)
    found, seen = [], 0
    for path in pages(console):
        answer = page.goto(f"{site}{path}")
        seen += 1
        if answer is None or answer.status != 200:
            found.append(f"{path}: {answer and answer.status}")
        if not page.locator("h1").first.is_visible():
            found.append(f"{path}: no heading")
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wide > 0:
            found.append(f"{path}: {wide} px wider than the window")
        if page.get_by_text("None", exact=True).count():
            found.append(f"{path}: says None")
    assert seen > 50
    return found


def test_every_page_stands_at_a_desk(console: Console, page: Page, site: str) -> None:
    found = troubles(console, page, site)
    assert not found, format_findings(found)


def test_every_page_stands_on_a_phone(console: Console, phone: Page, site: str) -> None:
    found = troubles(console, phone, site)
    assert not found, format_findings(found)
