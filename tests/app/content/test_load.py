"""Loading and exporting the content: all of it, none of it, and the same again."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import select

from app import content
from app.content import export
from config import audit, cache_versions
from config.database import session
from keywords.rules import spec
from matrix import accounts, departments, menus
from matrix.departments import Department, DepartmentState
from services import catalogue
from tests.app.content._sample_files import (
    ACCOUNTS,
    RULES,
    SERVICES,
    load,
    png,
    row_counts,
    write_files,
)
from tests.helpers.source_tree import ROOT

pytestmark = pytest.mark.usefixtures("rolled_back")

DEMO = sorted((ROOT / "config" / "demo").glob("*.yaml"))


def test_the_demonstration_loads_in_any_order(now: datetime) -> None:
    loaded = load(list(reversed(DEMO)), now)
    assert loaded.counts["单位"] == 33
    assert loaded.counts["账号"] == 13
    assert loaded.counts["规则"] >= 78
    police = accounts.get_by_appid("wxdec0de0000000101")
    assert police.name == "华阴公安"
    assert session.get_one(Department, police.department_id).slug == "police"


def test_loading_the_same_again_changes_nothing(now: datetime) -> None:
    load(DEMO, now)
    before, numbers = row_counts(), cache_versions.current()
    load(DEMO, now + timedelta(days=1))
    assert row_counts() == before
    assert cache_versions.current() == numbers


def test_departments_stand_below_the_head_account_or_the_parent_they_name(
    now: datetime, tmp_path: Path
) -> None:
    load(write_files(tmp_path), now)
    head, police = departments.get_by_slug("release"), departments.get_by_slug("police")
    assert head.parent_id is None
    assert police.parent_id == head.id
    assert departments.get_by_slug("town").parent_id == head.id
    assert departments.get_by_slug("station").parent_id == police.id
    assert police.details["duties"] == ["户籍", "12345"]
    assert police.details["hours"] == {"weekday_am": "08:30-12:00"}


def test_a_later_file_renames_moves_and_merges_departments_and_leaves_the_rest(
    now: datetime, tmp_path: Path
) -> None:
    load(write_files(tmp_path), now)
    later = (
        "departments:\n"
        "  - {id: station, name: 岳庙派出所, parent: town}\n"
        "  - {id: new, name: 新设单位}\n"
        "  - {id: police, name: 公安局, successor: new}\n"
    )
    load([*write_files(tmp_path, later=later)[-1:]], now)
    station = departments.get_by_slug("station")
    assert departments.former_names(station.id) == ["太华路派出所"]
    assert station.parent_id == departments.get_by_slug("town").id
    assert departments.get_by_slug("new").parent_id == departments.get_by_slug("release").id
    police = departments.get_by_slug("police")
    assert police.state is DepartmentState.MERGED
    assert police.parent_id == departments.get_by_slug("release").id
    assert departments.get_by_slug("town").name == "太华路街道"


def test_an_account_brings_its_menu_and_keeps_secrets_that_are_left_out(
    now: datetime, tmp_path: Path
) -> None:
    load(write_files(tmp_path), now)
    account = accounts.get_by_appid("wx0123456789abcdef")
    menu = menus.find_newest(account.id)
    assert menu is not None
    assert [button["name"] for button in menu.buttons] == ["证件", "更多"]

    lines = [line for line in ACCOUNTS.splitlines() if "token" not in line and "key" not in line]
    load(write_files(tmp_path, accounts="\n".join(lines).replace("华阴公安", "华阴警方"))[1:2], now)
    assert account.name == "华阴警方"
    assert account.token == "Token1"
    assert account.previous_token is None


def test_an_account_is_paused_and_resumed_by_its_file(now: datetime, tmp_path: Path) -> None:
    load(write_files(tmp_path), now)
    for said, state in (
        ("true", accounts.AccountState.PAUSED),
        ("false", accounts.AccountState.ACTIVE),
    ):
        load(write_files(tmp_path, accounts=ACCOUNTS + f"    paused: {said}\n")[1:2], now)
        assert accounts.get_by_appid("wx0123456789abcdef").state is state


def test_a_guide_keeps_what_it_says(now: datetime, tmp_path: Path) -> None:
    load(write_files(tmp_path), now)
    guide = catalogue.get("svc-id-card")
    assert guide.body["materials"] == [{"name": "户口簿", "form": "原件", "required": False}]
    assert guide.review_by is not None
    assert [card.keywords for card in catalogue.list_cards()] == [("身份证",)]


def test_a_sentence_cut_by_an_unquoted_comma_is_whole_again(now: datetime, tmp_path: Path) -> None:
    cut = SERVICES.replace("补领 40 元}", "换领 20 元,补领 40 元,首次免费}")
    load(write_files(tmp_path, services=cut), now)
    assert catalogue.get("svc-id-card").body["fee"]["desc"] == "换领 20 元,补领 40 元,首次免费"


def test_what_is_exported_loads_into_the_same_again(now: datetime, tmp_path: Path) -> None:
    (tmp_path / "map.png").write_bytes(png())
    media = "media: [{name: 地图, kind: image, file: map.png}]\n"
    picture = RULES.replace(
        "{type: text, content: 带户口簿到派出所。}", "{type: image, media: 地图}"
    )
    fallbacks = "fallbacks: [{department: police, text: 请写明事项。}]\n"
    everything = write_files(tmp_path, media=media, keywords=picture + fallbacks)
    scene = session.begin_nested()
    content.load(DEMO, now=now)
    content.load(everything, now=now)
    first = export.export_all(tmp_path / "first", with_secrets=True)
    scene.rollback()
    session.expunge_all()
    assert row_counts()["departments"] == 0

    load(list(reversed(first)), now)
    second = export.export_all(tmp_path / "second", with_secrets=True)
    assert [path.name for path in first] == [path.name for path in second]
    for one, other in zip(first, second, strict=True):
        assert one.read_text(encoding="utf-8") == other.read_text(encoding="utf-8")
    assert (tmp_path / "second" / "media").is_dir()


def test_secrets_are_exported_only_when_asked_for(now: datetime, tmp_path: Path) -> None:
    load(write_files(tmp_path), now)
    export.export_all(tmp_path / "out")
    text = (tmp_path / "out" / "accounts.yaml").read_text(encoding="utf-8")
    assert text.startswith("#")
    assert not set(yaml.safe_load(text)["accounts"][0]) & {"token", "aes_key", "secret"}
    before = row_counts()
    load([tmp_path / "out" / "accounts.yaml"], now)
    assert row_counts() == before

    export.export_all(tmp_path / "out", with_secrets=True)
    path = tmp_path / "out" / "accounts.yaml"
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["accounts"][0]["token"] == "Token1"
    assert path.stat().st_mode & 0o077 == 0


def test_every_change_is_written_into_the_audit(now: datetime, tmp_path: Path) -> None:
    load(write_files(tmp_path), now)
    actions = set(session.scalars(select(audit.AuditEntry.action)))
    assert {
        "department.create",
        "account.create",
        "menu.save",
        "guide.save",
        "article.save",
    } <= actions
    stored = str([row.after for row in session.scalars(select(audit.AuditEntry))])
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
    missing = [name for name in spec.FIELDS if f"`{name}`" not in guide]
    assert missing == []


def test_a_file_says_whose_a_picture_is_and_the_export_says_it_again(
    now: datetime, tmp_path: Path
) -> None:
    (tmp_path / "hall.png").write_bytes(png())
    media = (
        "media:\n"
        "  - {name: 大厅, kind: image, file: hall.png, department: police}\n"
        "  - {name: 城市, kind: image, file: hall.png}\n"
    )
    load(write_files(tmp_path, media=media), now)
    out = tmp_path / "out"
    export.export_all(out)

    listed = yaml.safe_load((out / "media.yaml").read_text(encoding="utf-8"))["media"]

    assert [(one["name"], one.get("department")) for one in listed] == [
        ("城市", None),
        ("大厅", "police"),
    ]
