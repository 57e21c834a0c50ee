"""Take the pictures of the guides again: docs/images/console/*.png.

    python -m tools.guide_screenshots [name …]        all of them, or these

Each picture is a scene: somebody of the stage opens a page, does what the guide tells, and the
page is taken. Scenes stand in the order of a day and build on each other, so all are played; names
only choose what is written.
"""

import io
import logging
import os
import sys
from collections.abc import Callable

import openpyxl
import requests
from openpyxl.worksheet.worksheet import Worksheet
from playwright.sync_api import (
    expect,
    sync_playwright,
)

from simulator.accounts.followers import openid_of
from tools import alert_scenes, browser
from tools.camera import OUTPUT_FOLDER, POLICE, Camera
from tools.demo_server import serve_demo

_DOGS = (
    "养狗要办证吗",
    "狗证在哪办",
    "养狗办证要啥手续",
    "小区有人养狗不拴绳找谁",
    "养狗证咋办",
    "无犯罪记录证明网上能开吗",
    "开无犯罪证明要几天",
)
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_NEW_APPID, _NEW_SECRET = "wxdec0de0000000999", "demosecretofstation0000000000000"


def main() -> None:
    """Build the stage and play all scenes."""
    OUTPUT_FOLDER.mkdir(parents=True, exist_ok=True)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with serve_demo() as demo, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser.path(), args=[*browser.OPTIONS, "--lang=zh-CN"]
        )
        camera = Camera(demo, chromium, frozenset(sys.argv[1:]))
        for scene in SCENARIOS:
            scene(camera)
        chromium.close()


# ---- signing in ----


def sign_in(camera: Camera) -> None:
    """The first page, on a phone; and the second factor at a desk."""
    page = camera.open("", "sign-in", phone=True)
    camera.take("sign-in", page, until=page.locator(".plain-note"))
    page = camera.open("editor", "me/second-factor")
    page.get_by_role("button", name="下一步").click()
    camera.take("second-factor", page, until=page.get_by_role("button", name="启用"), room=32)


# ---- editors ----


def read_questions(camera: Camera) -> None:
    """What citizens asked and no rule answered; a rule is begun with one click."""
    for number, words in enumerate(_DOGS):
        camera.receive(f"dogs{number}", words)
    camera.settle()
    page = camera.open("editor", "studio/unmatched")
    camera.take("unanswered", page, until=page.locator(".cluster").last)


def write_a_rule(camera: Camera) -> None:
    """A rule that collides with another is tried while it is written, mended and handed in."""
    page = camera.open("editor", "studio/unmatched")
    page.get_by_role("button", name="新建规则").first.click()
    page.get_by_label("名称").fill("养犬登记")
    words = page.locator('[data-rows="keywords"] input')
    words.first.fill("养狗")
    for word in ("狗证", "身份证"):
        page.get_by_role("button", name="再加一个词").click()
        words.last.fill(word)
    page.get_by_label("文字内容").fill(
        "您好，养犬登记请带身份证和犬只免疫证明，到居住地派出所办理。电话 0913-0000101。"
    )
    page.get_by_label("试一试：假如市民写").fill("狗证咋办")
    look = page.locator("#preview")
    expect(look).to_contain_text("由这条规则答复")
    expect(look).to_contain_text("身份证办理")
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    camera.take("rule", page, stays=True)

    page.get_by_label("去掉这个关键词").last.click()
    page.get_by_role("button", name="保存并提交审核").click()
    page.get_by_text("已提交审核").wait_for()
    page.close()


def change_a_rule(camera: Camera) -> None:
    """A rule that is in force gets a word, another answer and samples."""
    page = camera.open("editor", "rules/?q=居住证")
    page.get_by_role("link", name="居住证", exact=True).click()
    page.get_by_role("link", name="修改", exact=True).click()
    page.get_by_role("button", name="再加一个词").click()
    page.locator('[data-rows="keywords"] input').last.fill("居住证续签")
    page.get_by_label("文字内容").fill(
        "在本市居住半年以上可申领居住证，带身份证和居住证明到居住地派出所，首次申领免费。"
        "满一年请提前三十日续签。"
    )
    page.get_by_label("例句").fill("居住证咋办\n居住证到期了在哪续")
    page.get_by_role("button", name="保存并提交审核").click()
    page.get_by_text("已提交审核").wait_for()
    page.close()


def try_a_phrase(camera: Camera) -> None:
    """One phrase on all accounts, one of them opened."""
    page = camera.open("admin", "studio/?text=身份证丢了咋办")
    answer = page.locator(".answer", has=page.locator(".answer-account", has_text=POLICE))
    answer.locator(".answer-account").click()
    camera.take("rule-tester", page, until=answer)


def import_a_sheet(camera: Camera) -> None:
    """An import that is refused, with the place of each mistake."""
    page = camera.open("editor", "studio/imports")
    sheet = camera.contexts["editor", False].request.get(
        f"{camera.hub.address}{page.get_by_role('link', name='下载模板').get_attribute('href')}"
    )
    page.get_by_label("文件").set_input_files(
        {"name": "公安规则.xlsx", "mimeType": _XLSX, "buffer": _with_errors(sheet.body())}
    )
    page.get_by_role("button", name="上传并检查").click()
    camera.settle()
    page.reload()
    camera.take("import", page, until=page.get_by_role("link", name="重新上传"))


def _with_errors(content: bytes) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    columns = {cell.value: number for number, cell in enumerate(sheet[1], 1)}
    sheet.cell(2, columns["优先级"], "最高")
    sheet.cell(3, columns["正则"], "居住(")
    sheet.cell(4, columns["单位"], "公安")
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def change_a_menu(camera: Camera) -> None:
    """The menu's editor with the phone beside it."""
    page = camera.open("editor", f"menus/{camera.account_id(POLICE)}")
    page.get_by_label("这次改了什么").fill("增加居住证入口")
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    camera.take("menu", page)


def make_codes(camera: Camera) -> None:
    """Codes of three counters, ready to be printed."""
    page = camera.open("editor", "codes/new")
    page.get_by_label("用在哪里").fill("户籍一号窗口\n户籍二号窗口\n出入境大厅")
    page.get_by_role("button", name="生成").click()
    camera.settle()
    page.goto(f"{camera.hub.address}/console/codes/")
    for box in page.locator("tbody input[type=checkbox]").all():
        box.check()
    page.get_by_role("button", name="打印选中的").click()
    camera.take("qrcodes", page, until=page.locator(".codes-card").last)


# ---- reviewers ----


def review(camera: Camera) -> None:
    """Differences and samples; one rule is published, the other one sent back."""
    page = camera.open("reviewer", "")
    page.get_by_role("link", name="居住证").click()
    expect(page.get_by_text("其他规则的例句不受影响")).to_be_visible()
    camera.take("review", page, stays=True)
    page.get_by_role("button", name="通过并发布").click()
    page.get_by_text("已发布").first.wait_for()
    page.goto(f"{camera.hub.address}/console/")
    page.get_by_role("link", name="养犬登记").click()
    page.get_by_label("意见").fill("请写明烈性犬不予登记。")
    page.get_by_role("button", name="退回修改").click()
    page.get_by_text("已退回").wait_for()
    page.close()


def show_audit(camera: Camera) -> None:
    """The versions of a rule, with what the newest one changed."""
    page = camera.open("editor", "rules/?q=居住证")
    page.get_by_role("link", name="居住证", exact=True).click()
    page.get_by_role("link", name="全部与对比").click()
    camera.take("versions", page)


# ---- agents ----


def show_conversations(camera: Camera) -> None:
    """Citizens who wait, on a phone; one of them is answered; an emergency."""
    words = "上周在户籍窗口登记了，一直没人联系我。我的手机 13800000000，请回电"
    camera.receive(_citizen_at_wechat(words), words)
    camera.receive("gas", "我家厨房煤气味大得很，咋办")
    camera.settle()
    page = camera.open("agent", "talks/", phone=True)
    camera.take("conversations", page)
    page = camera.open("agent", "talks/")
    page.get_by_role("link", name="一直没人联系我").click()
    page.get_by_label("回复内容").fill("您好，户籍窗口今天下午会给您回电，请保持手机畅通。")
    page.get_by_role("button", name="发送", exact=True).click()
    camera.settle()
    expect(page.locator(".message-staff")).to_contain_text("已送达微信")
    camera.take("conversation", page)


def _citizen_at_wechat(words: str) -> str:
    """Somebody who follows the police and has written there, so that an answer may arrive."""
    phone = f"{os.environ['WECHAT_API_URL']}/phone"
    start = requests.get(f"{phone}/start", timeout=10).json()
    police = next(one["appid"] for one in start["accounts"] if one["name"] == POLICE)
    for deed in ({"do": "follow"}, {"do": "text", "text": words}):
        said = {"citizen": start["citizen"], "appid": police, **deed}
        requests.post(f"{phone}/act", json=said, timeout=10).raise_for_status()
    return openid_of(start["citizen"], police)


# ---- administrators ----


def connect(camera: Camera) -> None:
    """A new account on its way: what to paste, and the checks beside it."""
    _open_account_at_wechat()
    page = camera.open("manager", "accounts/new")
    page.get_by_label("AppID").fill(_NEW_APPID)
    page.get_by_label("AppSecret").fill(_NEW_SECRET)
    page.get_by_label("账号名称").fill("华阴交警")
    page.get_by_label("所属单位").select_option(label="公安局")
    page.get_by_label("原始 ID").fill("gh_dec0de000999")
    page.get_by_role("button", name="下一步").click()
    page.get_by_role("heading", name="检查", exact=True).wait_for()
    camera.settle()
    page.reload()
    camera.take("connect", page)


def _open_account_at_wechat() -> None:
    account = {
        "appid": _NEW_APPID,
        "original_id": "gh_dec0de000999",
        "name": "华阴交警",
        "kind": "service",
        "verified": True,
        "mode": "plain",
        "token": "notyet",
        "secret": _NEW_SECRET,
    }
    address = f"{os.environ['WECHAT_API_URL']}/simulator/accounts"
    requests.post(address, json=account, timeout=10).raise_for_status()


def manage_staff(camera: Camera) -> None:
    """How the accounts do, somebody who leaves, and the audit."""
    page = camera.open("admin", "accounts/")
    camera.take("accounts", page)
    page = camera.open("manager", "staff/")
    page.get_by_role("link", name="公安编辑").click()
    page.get_by_role("link", name="办理离岗").click()
    camera.take("offboarding", page, until=page.get_by_role("button", name="办理离岗"), room=120)
    page = camera.open("manager", "audit/")
    camera.take("audit", page)


SCENARIOS: tuple[Callable[[Camera], None], ...] = (
    sign_in,
    read_questions,
    write_a_rule,
    change_a_rule,
    try_a_phrase,
    import_a_sheet,
    change_a_menu,
    make_codes,
    review,
    show_audit,
    show_conversations,
    alert_scenes.choose_channels,
    alert_scenes.show_alerts,
    connect,
    manage_staff,
)

if __name__ == "__main__":
    main()
