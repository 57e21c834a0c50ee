"""Every page of the console in a real browser, at a desk and on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, ViewportSize

from tests.helpers.console import Console
from tests.helpers.route_samples import Samples
from tests.helpers.source_tree import format_findings

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(400),
    # what a page looks like does not depend on the database
    pytest.mark.parametrize("database_server", ["sqlite"], indirect=True),
]


SIZES: dict[str, ViewportSize] = {
    "on a phone": {"width": 390, "height": 844},
    "at a desk": {"width": 1280, "height": 800},
}


def pages(console: Console, samples: Samples) -> Iterator[str]:
    """The address of every whole page: no file, and no part that htmx asks for."""
    client = console.client()
    for visit in samples.visits("police"):
        if visit.is_read:
            answer = client.get(visit.path)
            if answer.status_code == 200 and answer.data.startswith(b"<!doctype html>"):
                yield visit.path


def troubles(page: Page, path: str, status: int | None) -> Iterator[str]:
    """What a reader of an open page would stumble over, at a desk and on a phone."""
    if status != 200:
        yield f"{path}: {status}"
    if page.get_by_text("None", exact=True).count():
        yield f"{path}: says None"
    for name, size in SIZES.items():
        page.set_viewport_size(size)
        if not page.locator("h1").first.is_visible():
            yield f"{path}: no heading {name}"
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wide > 0:
            yield f"{path}: {wide} px wider than the window {name}"


def test_every_page_stands_at_a_desk_and_on_a_phone(
    console: Console, route_samples: Samples, phone: Page, site: str
) -> None:
    console.sign_in(phone, site)
    found, seen = [], 0
    for path in pages(console, route_samples):
        answer = phone.goto(f"{site}{path}")
        seen += 1
        # errors of scripts fail the test by themselves
        found += troubles(phone, path, answer and answer.status)
    assert seen > 50
    assert not found, format_findings(found)
