"""The browser of the tests."""

import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.helpers.browser import open_checked_page

pytestmark = pytest.mark.browser


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A site of one page on this machine."""
    (tmp_path / "index.html").write_text(
        "<meta charset=utf-8><link rel=icon href=data:,><title>华阴</title><p>身份证", "utf-8"
    )

    def handler(*words: object) -> _Quiet:
        return _Quiet(*words, directory=str(tmp_path))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_a_page_of_this_machine_opens_on_a_desk(site: str, page: Page) -> None:
    page.goto(site)
    assert page.title() == "华阴"
    assert page.evaluate("innerWidth") == 1280


def test_a_phone_is_narrow_and_speaks_as_wechat(site: str, phone: Page) -> None:
    phone.goto(site)
    assert "MicroMessenger" in phone.evaluate("navigator.userAgent")
    assert phone.evaluate("screen.width") == 390


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("console.error('没有')", "wrote 没有"),
        ("setTimeout(() => { throw new Error('boom') })", "threw boom"),
        ("fetch('http://192.0.2.1/x').catch(() => {})", "asked for http://192.0.2.1/x"),
    ],
)
def test_what_a_page_must_not_do_fails_its_test(
    browser: Browser, site: str, script: str, trouble: str
) -> None:
    watch = open_checked_page(browser)
    page = next(watch)
    page.goto(site)
    page.evaluate(f"() => {{ {script} }}")
    page.evaluate("() => new Promise((done) => setTimeout(done, 10))")  # after the script's own
    with pytest.raises(AssertionError, match=re.escape(trouble)):
        next(watch)
