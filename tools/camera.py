"""The camera of the guides: opens pages of the demo as somebody of it, and takes pictures."""

import io
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, FloatRect, Locator, Page, ViewportSize
from sqlalchemy import select

from app import snapshots
from config.database import read_only, session
from matrix.accounts import Account
from tools.demo_server import ROOT, DemoServer, push_message, run_background_jobs

OUTPUT_FOLDER = ROOT / "docs" / "images" / "console"
POLICE = "华阴公安"
_DESK: ViewportSize = {"width": 1366, "height": 768}
_PHONE: ViewportSize = {"width": 390, "height": 700}
_COLOURS = 128


@dataclass
class Camera:
    """Opens pages as somebody and takes pictures of them."""

    hub: DemoServer
    browser: Browser
    selected: frozenset[str]
    contexts: dict[tuple[str, bool], BrowserContext] = field(default_factory=dict)

    def open(self, who: str, path: str, *, phone: bool = False) -> Page:
        """A new page of the console as a person sees it; `who` "" is nobody."""
        known = self.contexts.get((who, phone))
        if known is None:
            known = self.browser.new_context(
                viewport=_PHONE if phone else _DESK,
                locale="zh-CN",
                timezone_id="Asia/Shanghai",
                reduced_motion="reduce",
            )
            if who:
                name, value = self.hub.cookie_name, self.hub.cookies[who]
                known.add_cookies([{"name": name, "value": value, "url": self.hub.address}])
            known.set_default_timeout(8_000)
            self.contexts[who, phone] = known
        page = known.new_page()
        page.goto(f"{self.hub.address}/console/{path}")
        return page

    def take(
        self,
        name: str,
        page: Page,
        *,
        until: Locator | None = None,
        room: int = 16,
        stays: bool = False,
    ) -> None:
        """Write what the window shows, down to `room` pixels below `until`; close the page."""
        if not self.selected or name in self.selected:
            page.wait_for_load_state("load")
            bottom = _scroll_to_bottom(until) + room if until else 0
            size = page.viewport_size or _DESK
            height = min(bottom, size["height"]) if bottom else size["height"]
            clip: FloatRect = {"x": 0, "y": 0, "width": size["width"], "height": height}
            content = page.screenshot(animations="disabled", caret="hide", clip=clip)
            _write_file(OUTPUT_FOLDER / f"{name}.png", content)
        if not stays:
            page.close()

    def receive(self, openid: str, words: str) -> None:
        """A citizen writes to the police."""
        with read_only():
            account = session.scalars(select(Account).where(Account.name == POLICE)).one()
        known = openid if openid.startswith("o") else f"o{openid:0>27}"
        assert push_message(self.hub.app, account, known, words) == 200

    def account_id(self, name: str) -> int:
        """The id of an account."""
        with read_only():
            return session.scalars(select(Account.id).where(Account.name == name)).one()

    def settle(self) -> None:
        """Let the hub do what the pages asked for."""
        run_background_jobs()
        snapshots.refresh()


def _scroll_to_bottom(part: Locator) -> float:
    box = part.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


def _write_file(path: Path, content: bytes) -> None:
    """Fewer colours make a page of text a fraction of its size."""
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
