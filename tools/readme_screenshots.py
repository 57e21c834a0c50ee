"""Make the pictures of the project again: the README's phone, and the demonstration's hall.

    python -m tools.readme_screenshots [http://127.0.0.1:8100]

The phone needs a hub that runs (`make run`) and that nobody has talked to: it follows 华阴公安,
asks about a lost identity card and is answered.
"""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tools import browser

ROOT = Path(__file__).parents[1]
PHONE = ROOT / "docs" / "images" / "phone.png"
HALL_IMAGE = ROOT / "config" / "demo" / "media" / "hall.svg"
_ACCOUNT = "华阴公安"
_QUESTIONS = ("身份证丢了咋办", "公交车几点收车")


def main() -> None:
    """Open a browser and take both."""
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8100"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.path(), args=browser.OPTIONS)
        page = chromium.new_page(
            viewport={"width": 1180, "height": 900},
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            # a picture in the middle of an animation would differ each time
            reduced_motion="reduce",
        )
        _draw_hall(page)
        page.goto(address)
        _hold_conversation(page)
        PHONE.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PHONE, animations="disabled")
        chromium.close()


def _draw_hall(page: Page) -> None:
    page.set_content(HALL_IMAGE.read_text(encoding="utf-8"))
    page.locator("svg").screenshot(path=HALL_IMAGE.with_suffix(".png"))


def _hold_conversation(page: Page) -> None:
    page.get_by_text(_ACCOUNT, exact=True).first.click()
    page.get_by_role("button", name="关注公众号").click()
    keyboard = page.get_by_role("button", name="切换到键盘")
    keyboard.wait_for()  # the menu arrives a moment after following
    keyboard.click()
    for question in _QUESTIONS:
        lines = page.locator(".line").count()
        page.locator("#chat").get_by_role("textbox").fill(question)
        page.keyboard.press("Enter")
        page.locator(".line").nth(lines + 1).wait_for()


if __name__ == "__main__":
    main()
