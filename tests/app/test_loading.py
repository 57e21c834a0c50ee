"""Loading and exporting the content: all of it, none of it, and the same again."""

import re
import struct
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import func, select

from app import loading, tables
from app.loading import WrongFile, export
from config import audit, revisions
from config.database import session, transaction
from keywords import drafts
from matrix import accounts, departments, menus
from matrix.departments import Department, State
from services import catalogue
from tests.fixtures.sources import ROOT

pytestmark = pytest.mark.usefixtures("rolled_back")

DEMO = sorted((ROOT / "config" / "demo").glob("*.yaml"))

DEPARTMENTS = """\
version: 1
region: {name: 华阴市, division_code: "610582", head_account: release}
defaults: {verified: true, hours: {weekday_am: "08:30-12:00"}}
departments:
  - {id: release, name: 华阴发布, kind: 主号}
  - {id: police, name: 公安局, phone: "0913-0000101", duties: [户籍, 12345]}
  - {id: station, name: 太华路派出所, parent: police}
towns:
  - {id: town, code: "610582001", name: 太华路街道}
"""
ACCOUNTS = """\
accounts:
  - appid: wx0123456789abcdef
    original_id: gh_0123456789ab
    department: police
    name: 华阴公安
    kind: service
    verified: true
    mode: safe
    token: Token1
    aes_key: abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ
    secret: secret
    welcome: 您好
    menu:
      - {name: 证件, kind: ask, value: 身份证}
      - name: 更多
        buttons:
          - {name: 网站, kind: link, value: "https://example.org/"}
"""
SERVICES = """\
services:
  - id: svc-id-card
    department: police
    name: 居民身份证补领
    conditions: [本人到场]
    materials:
      - {name: 户口簿, form: 原件, required: false}
    legal_days: 60
    online_level: 2
    fee: {charge: true, desc: 补领 40 元}
    appointment: {enabled: true, window_days: 5}
    keywords: [身份证]
    review_by: 2027-01-31
"""
RULES = """\
fallback: {text: 暂时没有找到答复。}
emergency: {keywords: [溺水], text: 请立即拨打 110。}
rules:
  - id: police.id_card
    department: police
    name: 身份证办理
    keywords: [身份证]
    priority: 60
    service: svc-id-card
    reply: {type: text, content: 带户口簿到派出所。}
"""
ARTICLES = """\
articles:
  - id: art-1
    department: police
    title: 身份证异地也能办
    level: 重要
    original: true
    tags: [身份证]
    body_markdown: |
      第一段。

      第二段。
"""
FILES = {
    "departments.yaml": DEPARTMENTS,
    "accounts.yaml": ACCOUNTS,
    "services.yaml": SERVICES,
    "keywords.yaml": RULES,
    "articles.yaml": ARTICLES,
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., list[Path]]:
    """Write files and give their paths: the usual ones, or those named."""

    def written(**changed: str) -> list[Path]:
        texts = FILES | {f"{name}.yaml": text for name, text in changed.items()}
        for name, text in texts.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        return [tmp_path / name for name in texts]

    return written


def load(paths: list[Path], now: datetime) -> loading.Loaded:
    with transaction():
        return loading.load(paths, now=now)


def rows() -> dict[str, int]:
    """How many rows each table has."""
    return {
        table.name: session.scalar(select(func.count()).select_from(table)) or 0
        for table in tables.metadata.sorted_tables
    }


def test_the_demonstration_loads_in_any_order(now: datetime) -> None:
    loaded = load(list(reversed(DEMO)), now)
    assert loaded.counts["单位"] == 33
    assert loaded.counts["账号"] == 13
    assert loaded.counts["规则"] >= 78
    police = accounts.by_appid("wxdec0de0000000101")
    assert police.name == "华阴公安"
    assert session.get_one(Department, police.department_id).code == "police"


def test_loading_the_same_again_changes_nothing(now: datetime) -> None:
    load(DEMO, now)
    before, numbers = rows(), revisions.current()
    load(DEMO, now + timedelta(days=1))
    assert rows() == before
    assert revisions.current() == numbers


def test_departments_stand_below_the_head_account_or_the_parent_they_name(
    now: datetime, write: Callable[..., list[Path]]
) -> None:
    load(write(), now)
    head, police = departments.by_code("release"), departments.by_code("police")
    assert head.parent_id is None
    assert police.parent_id == head.id
    assert departments.by_code("town").parent_id == head.id
    assert departments.by_code("station").parent_id == police.id
    assert police.details["duties"] == ["户籍", "12345"]
    assert police.details["hours"] == {"weekday_am": "08:30-12:00"}


def test_a_later_file_renames_moves_and_merges_departments_and_leaves_the_rest(
    now: datetime, write: Callable[..., list[Path]]
) -> None:
    load(write(), now)
    later = (
        "departments:\n"
        "  - {id: station, name: 岳庙派出所, parent: town}\n"
        "  - {id: new, name: 新设单位}\n"
        "  - {id: police, name: 公安局, successor: new}\n"
    )
    load([*write(later=later)[-1:]], now)
    station = departments.by_code("station")
    assert departments.former_names(station.id) == ["太华路派出所"]
    assert station.parent_id == departments.by_code("town").id
    assert departments.by_code("new").parent_id == departments.by_code("release").id
    police = departments.by_code("police")
    assert police.state is State.MERGED
    assert police.parent_id == departments.by_code("release").id
    assert departments.by_code("town").name == "太华路街道"


def test_an_account_brings_its_menu_and_keeps_secrets_that_are_left_out(
    now: datetime, write: Callable[..., list[Path]]
) -> None:
    load(write(), now)
    account = accounts.by_appid("wx0123456789abcdef")
    menu = menus.newest(account.id)
    assert menu is not None
    assert [button["name"] for button in menu.buttons] == ["证件", "更多"]

    lines = [line for line in ACCOUNTS.splitlines() if "token" not in line and "key" not in line]
    load(write(accounts="\n".join(lines).replace("华阴公安", "华阴警方"))[1:2], now)
    assert account.name == "华阴警方"
    assert account.token == "Token1"
    assert account.previous_token is None


def test_an_account_is_paused_and_resumed_by_its_file(
    now: datetime, write: Callable[..., list[Path]]
) -> None:
    load(write(), now)
    for said, state in (("true", accounts.State.PAUSED), ("false", accounts.State.ACTIVE)):
        load(write(accounts=ACCOUNTS + f"    paused: {said}\n")[1:2], now)
        assert accounts.by_appid("wx0123456789abcdef").state is state


def test_a_guide_keeps_what_it_says(now: datetime, write: Callable[..., list[Path]]) -> None:
    load(write(), now)
    guide = catalogue.get("svc-id-card")
    assert guide.body["materials"] == [{"name": "户口簿", "form": "原件", "required": False}]
    assert guide.review_by is not None
    assert [card.keywords for card in catalogue.cards()] == [("身份证",)]


def test_a_sentence_cut_by_an_unquoted_comma_is_whole_again(
    now: datetime, write: Callable[..., list[Path]]
) -> None:
    cut = SERVICES.replace("补领 40 元}", "换领 20 元,补领 40 元,首次免费}")
    load(write(services=cut), now)
    assert catalogue.get("svc-id-card").body["fee"]["desc"] == "换领 20 元,补领 40 元,首次免费"


def png() -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    image = zlib.compress(b"\0\0")
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", image) + chunk(b"IEND", b"")
    )


def test_what_is_exported_loads_into_the_same_again(
    now: datetime, write: Callable[..., list[Path]], tmp_path: Path
) -> None:
    (tmp_path / "map.png").write_bytes(png())
    media = "media: [{name: 地图, kind: image, file: map.png}]\n"
    picture = RULES.replace(
        "{type: text, content: 带户口簿到派出所。}", "{type: image, media: 地图}"
    )
    fallbacks = "fallbacks: [{department: police, text: 请写明事项。}]\n"
    everything = write(media=media, keywords=picture + fallbacks)
    scene = session.begin_nested()
    loading.load(DEMO, now=now)
    loading.load(everything, now=now)
    first = export.export(tmp_path / "first", secrets=True)
    scene.rollback()
    session.expunge_all()
    assert rows()["departments"] == 0

    load(list(reversed(first)), now)
    second = export.export(tmp_path / "second", secrets=True)
    assert [path.name for path in first] == [path.name for path in second]
    for one, other in zip(first, second, strict=True):
        assert one.read_text(encoding="utf-8") == other.read_text(encoding="utf-8")
    assert (tmp_path / "second" / "media").is_dir()


def test_secrets_are_exported_only_when_asked_for(
    now: datetime, write: Callable[..., list[Path]], tmp_path: Path
) -> None:
    load(write(), now)
    export.export(tmp_path / "out")
    text = (tmp_path / "out" / "accounts.yaml").read_text(encoding="utf-8")
    assert text.startswith("#")
    assert not set(yaml.safe_load(text)["accounts"][0]) & {"token", "aes_key", "secret"}
    before = rows()
    load([tmp_path / "out" / "accounts.yaml"], now)
    assert rows() == before

    export.export(tmp_path / "out", secrets=True)
    path = tmp_path / "out" / "accounts.yaml"
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["accounts"][0]["token"] == "Token1"
    assert path.stat().st_mode & 0o077 == 0


# file, what is written, what instead, the line, the field, and what is said of it
WRONG = [
    ("departments", "version: 1", "version: 2", 1, "version", "只认识版本 1"),
    ("departments", "version: 1", "versoin: 1", 1, "versoin", "是否应为 version"),
    (
        "departments",
        "head_account: release",
        "head_account: reliase",
        2,
        "region.head_account",
        "没有编号",
    ),
    ("departments", "kind: 主号", "kind: [主号]", 5, "kind", "应是一个值"),
    ("departments", "name: 公安局, ", "", 6, "name", "缺少这个字段"),
    ("departments", "name: 公安局", "name: 7", 6, "name", "应为文字，数字请加引号"),
    ("departments", "duties: [户籍, 12345]", "duties: 户籍", 6, "duties", "应为列表"),
    ("departments", "duties: [户籍, 12345]", "dutis: []", 6, "dutis", "是否应为 duties"),
    ("departments", "parent: police", "parent: nobody", 7, "parent", "没有编号为“nobody”的单位"),
    ("departments", "parent: police", "parent: station", 7, "parent", "成了一个圈"),
    ("departments", "id: town", "id: police", 9, "id", "“police”重复"),
    ("departments", "parent: police", "successor: nobody", 7, "successor", "没有编号"),
    ("departments", "verified: true", "verified: yes", 3, "defaults.verified", "true 或 false"),
    (
        "departments",
        "weekday_am",
        "weekday_an",
        3,
        "defaults.hours.weekday_an",
        "是否应为 weekday_am",
    ),
    ("accounts", "wx0123456789abcdef", "wx01", 2, "appid", "应为 wx 加 16 位"),
    ("accounts", "gh_0123456789ab", "abc", 3, "original_id", "应以 gh_ 开头"),
    (
        "accounts",
        "department: police",
        "department: fire",
        4,
        "department",
        "没有编号为“fire”的单位",
    ),
    ("accounts", "kind: service", "kind: 服务号", 6, "kind", "应为 service、subscription 之一"),
    ("accounts", "verified: true", "verified: 1", 7, "verified", "应为 true 或 false"),
    ("accounts", "mode: safe", "mode: secret", 8, "mode", "应为 plain、compatible、safe 之一"),
    ("accounts", "token: Token1", "token: 口令", 9, "token", "字母或数字"),
    ("accounts", "    token: Token1\n", "", 2, "token", "缺少这个字段"),
    ("accounts", "NOPQ", "NOP", 10, "aes_key", "43 位"),
    ("accounts", "secret: secret", "secret: ''", 11, "secret", "不能为空"),
    ("accounts", "kind: ask", "kind: press", 14, "menu[1]", "不受支持"),
    ("accounts", "name: 证件, ", "", 14, "menu[1].name", "缺少这个字段"),
    ("accounts", "value: 身份证", "valeu: 身份证", 14, "menu[1].valeu", "是否应为 value"),
    ("accounts", "https://example.org/", "example.org", 15, "menu[2]", "http://"),
    ("services", "department: police", "department: fire", 3, "department", "没有编号"),
    ("services", "required: false", "required: 否", 7, "materials[1].required", "true 或 false"),
    ("services", "legal_days: 60", "legal_days: 六十", 8, "legal_days", "应为整数"),
    ("services", "legal_days: 60", "legal_days: -1", 8, "legal_days", "应在 0 到"),
    ("services", "online_level: 2", "online_level: 5", 9, "online_level", "应在 1 到 4 之间"),
    ("services", "charge: true", "charged: true", 10, "fee.charged", "是否应为 charge"),
    ("services", "window_days: 5", "window_days: true", 11, "appointment.window_days", "应为整数"),
    ("services", "2027-01-31", "2027-02-31", 13, "review_by", "应为日期"),
    (
        "services",
        "keywords: [身份证]",
        "keywords: [身份证, ~]",
        12,
        "keywords[2]",
        "应为不空的文字",
    ),
    ("keywords", "priority: 60", "priority: 高", 8, "priority", "整数"),
    ("keywords", "priority: 60", "prioritaet: 60", 8, "prioritaet", "是否应为 priority"),
    ("keywords", "department: police", "department: fire", 5, "department", "没有编号"),
    ("keywords", "keywords: [身份证]", "keywords: 身份证", 7, "keywords", "列表"),
    ("keywords", "keywords: [身份证]", "patterns: ['(']", 7, "patterns[1]", "正则"),
    ("keywords", "type: text, content", "type: image, media", 10, "reply", "没有名为"),
    ("keywords", "type: text", "type: txt", 10, "reply.type", "回复类型"),
    ("keywords", "content: 带", "contents: 带", 10, "reply.contents", "没有这一项"),
    ("keywords", "id: police.id_card", "id: 身份证", 4, "id", "编号应是"),
    ("keywords", "text: 暂时", "texts: 暂时", 1, "fallback.texts", "是否应为 text"),
    ("keywords", "[溺水]", "溺水", 2, "emergency.keywords", "应为列表"),
    ("articles", "level: 重要", "level: 特急", 5, "level", "应为 一般、重要、重大 之一"),
    ("articles", "original: true", "original: false", 2, "source", "转载应写明来源"),
    ("articles", "身份证异地也能办", "长" * 65, 4, "title", "最长 64"),
]


@pytest.mark.parametrize(
    ("name", "written", "instead", "line", "field", "problem"),
    WRONG,
    ids=[f"{row[0]}-{row[4]}-{number}" for number, row in enumerate(WRONG)],
)
def test_a_wrong_file_changes_nothing_and_names_line_and_field(
    name: str,
    written: str,
    instead: str,
    line: int,
    field: str,
    problem: str,
    now: datetime,
    write: Callable[..., list[Path]],
) -> None:
    good = FILES[f"{name}.yaml"]
    assert written in good
    paths = write(**{name: good.replace(written, instead, 1)})
    before = rows()
    with pytest.raises(WrongFile) as refused:
        load(paths, now)
    said = str(refused.value)
    assert said.partition("：")[0].endswith(f"{name}.yaml 第 {line} 行 {field}")
    assert problem in said
    assert "\n" not in said
    assert rows() == before


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{name: a, kind: image, file: ../outside.png}", "应在本文件所在的文件夹之内"),
        ("{name: a, kind: image, file: missing.png}", "没有这个文件"),
        ("{name: a, kind: image, file: media.yaml}", "不是可用的文件格式"),
        ("{name: a, kind: picture, file: map.png}", "之一"),
        ("{name: a, kind: image, file: map.png}, {name: a, kind: thumb, file: map.png}", "重复"),
    ],
)
def test_a_wrong_picture_is_refused(
    entry: str, problem: str, now: datetime, write: Callable[..., list[Path]], tmp_path: Path
) -> None:
    (tmp_path / "map.png").write_bytes(png())
    (tmp_path.parent / "outside.png").write_bytes(png())
    with pytest.raises(WrongFile, match="media.yaml 第 1 行 .*" + problem):
        load(write(media=f"media: [{entry}]\n"), now)


def test_the_same_id_in_two_files_is_refused_by_both_places(
    now: datetime, write: Callable[..., list[Path]]
) -> None:
    with pytest.raises(WrongFile, match=r"again.yaml 第 2 行 id：.*departments.yaml 第 6 行"):
        load(write(again="departments:\n  - {id: police, name: 公安局}\n"), now)


def test_every_change_is_written_into_the_audit(
    now: datetime, write: Callable[..., list[Path]]
) -> None:
    load(write(), now)
    actions = set(session.scalars(select(audit.Entry.action)))
    assert {"department.add", "account.add", "menu.write", "guide.put", "article.put"} <= actions
    stored = str([row.after for row in session.scalars(select(audit.Entry))])
    assert "Token1" not in stored
    assert "abcdefghijklmnop" not in stored


def test_what_the_guide_shows_can_be_loaded(now: datetime, tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "guides" / "关键词.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```yaml\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    assert len(shown) >= 4
    paths = [tmp_path / f"{number}.yaml" for number in range(len(shown))]
    for path, text in zip(paths, shown, strict=True):
        path.write_text(text, encoding="utf-8")
    assert load([*DEMO, *paths], now).counts["账号"] == 14


def test_the_guide_tells_every_field_of_a_rule() -> None:
    guide = (ROOT / "docs" / "guides" / "关键词.md").read_text(encoding="utf-8")
    missing = [name for name in drafts.FIELDS if f"`{name}`" not in guide]
    assert missing == []
