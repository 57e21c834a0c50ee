"""Wrong files: each is refused by file, line and field, and changes nothing."""

from datetime import datetime
from pathlib import Path

import pytest

from app.content import InvalidFile
from tests.app.content._sample_files import FILES, load, png, row_counts, write_files

pytestmark = pytest.mark.usefixtures("rolled_back")

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
    tmp_path: Path,
) -> None:
    good = FILES[f"{name}.yaml"]
    assert written in good
    paths = write_files(tmp_path, **{name: good.replace(written, instead, 1)})
    before = row_counts()
    with pytest.raises(InvalidFile) as refused:
        load(paths, now)
    said = str(refused.value)
    assert said.partition("：")[0].endswith(f"{name}.yaml 第 {line} 行 {field}")
    assert problem in said
    assert "\n" not in said
    assert row_counts() == before


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
    entry: str, problem: str, now: datetime, tmp_path: Path
) -> None:
    (tmp_path / "map.png").write_bytes(png())
    (tmp_path.parent / "outside.png").write_bytes(png())
    with pytest.raises(InvalidFile, match="media.yaml 第 1 行 .*" + problem):
        load(write_files(tmp_path, media=f"media: [{entry}]\n"), now)


def test_the_same_id_in_two_files_is_refused_by_both_places(now: datetime, tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"again.yaml 第 2 行 id：.*departments.yaml 第 6 行"):
        load(write_files(tmp_path, again="departments:\n  - {id: police, name: 公安局}\n"), now)


def test_an_account_cannot_take_the_original_id_of_another(now: datetime, tmp_path: Path) -> None:
    load(write_files(tmp_path), now)
    other = FILES["accounts.yaml"].replace("wx0123456789abcdef", "wx0123456789abcde0")
    before = row_counts()
    with pytest.raises(InvalidFile, match=r"accounts.yaml 第 3 行 original_id：已有账号使用"):
        load(write_files(tmp_path, accounts=other)[1:2], now)
    assert row_counts() == before
