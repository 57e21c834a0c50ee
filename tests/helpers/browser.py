"""A real browser: Chromium of this machine, as a desk and as a phone.

A page that writes an error to its console, throws, or asks another machine for anything fails
its test.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, sync_playwright

from tools import browser as chromium

_HERE = {"127.0.0.1", "localhost", "::1"}
# any other name is unknown to the browser, so that nothing leaves this machine
_ONLY_HERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
_REFUSED = re.compile("(status of|Error Code) (401|409|422) ")
_PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile Safari/537.36 MicroMessenger/8"


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """For the whole run: this thread has an event loop then, and no test runs another."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium, without a window."""
    path = chromium.path()
    if path is None:
        pytest.fail("Chromium is missing: make setup says how to install it", pytrace=False)
    launched = playwright.chromium.launch(
        executable_path=path, args=[*chromium.OPTIONS, _ONLY_HERE]
    )
    yield launched
    launched.close()


@pytest.fixture
def page_server(request: pytest.FixtureRequest) -> None:
    """What the test's pages are served by stands before them, and falls after them.

    A page may still ask for something while its test ends.
    """
    for name in {"site", "processes"} & set(request.fixturenames):
        request.getfixturevalue(name)


@pytest.fixture
def page(browser: Browser, page_server: None) -> Iterator[Page]:
    """A page on a desk."""
    yield from open_checked_page(browser, viewport={"width": 1280, "height": 800})


@pytest.fixture
def phone(browser: Browser, page_server: None) -> Iterator[Page]:
    """A page on a phone, inside WeChat."""
    yield from open_checked_page(
        browser,
        viewport={"width": 390, "height": 844},
        is_mobile=True,
        has_touch=True,
        device_scale_factor=2,
        user_agent=_PHONE,
    )


def _is_error(line: ConsoleMessage) -> bool:
    """Whether a line is an error; being refused (401, 409, 422) is an answer like others."""
    return line.type == "error" and not _REFUSED.search(line.text)


def open_checked_page(browser: Browser, **options: object) -> Iterator[Page]:
    context = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai", **options)
    problems: list[str] = []

    def note_foreign(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https") and address.hostname not in _HERE:
            problems.append(f"asked for {request.url}")

    # watched and not intercepted: that would turn off the browser's cache
    context.on("request", note_foreign)
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(f"threw {error}"))
    page.on(
        "console", lambda line: problems.append(f"wrote {line.text}") if _is_error(line) else None
    )
    yield page
    context.close()
    assert problems == []
