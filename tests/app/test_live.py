"""The picture in memory: whole, never changed, made anew when a revision moves."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, update
from sqlalchemy.exc import SQLAlchemyError

from app import live
from config import clock
from config.database import engine, transaction
from config.revisions import bump
from keywords import drafts, stored
from keywords.rules import Occasion
from keywords.stored import StoredRule
from matrix import accounts, departments, media
from matrix.media import File
from matrix.wechat.gateway import MediaKind, TemporaryMedia
from tests.fixtures import NOW, ports
from tests.fixtures.databases import point_at
from tests.fixtures.hub import RULES, Hub

PICTURE = b"\x89PNG\r\n\x1a\n" + b"a picture"


def put(words: str, **more: Any) -> None:
    """Change what the police's first rule says."""
    (draft,) = drafts.parse({"rules": [RULES[0] | {"reply": words_of(words)} | more]})
    with transaction():
        owner = departments.by_code("police")
        stored.put(draft, department_id=owner.id, now=clock.now())


def words_of(words: str) -> dict[str, str]:
    return {"type": "text", "content": words}


def answer(hub: Hub) -> str | None:
    return hub.push("police", hub.text("o1", "身份证")).text


@pytest.fixture
def statements(hub: Hub) -> Iterator[list[str]]:
    """What sessions ask from now on."""
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        asked.append(statement)

    made = engine()
    event.listen(made, "before_cursor_execute", note)
    yield asked
    event.remove(made, "before_cursor_execute", note)


# ---- when it is made anew ----


def test_it_stays_while_no_revision_moves_and_looking_costs_one_query(
    hub: Hub, statements: list[str]
) -> None:
    before = live.current()
    statements.clear()

    assert live.refresh() is before
    assert live.current() is before
    assert len([each for each in statements if each.startswith("SELECT")]) == 1


def test_a_changed_rule_counts_from_the_next_look_on(hub: Hub) -> None:
    before, said = live.current(), answer(hub)
    put("请到政务大厅办理。")
    assert answer(hub) == said, "nobody looked yet"

    live.refresh()

    assert answer(hub) == "请到政务大厅办理。"
    assert live.current() is not before
    occasion = Occasion("身份证")
    account = live.current().accounts[hub.keys["police"].appid]
    old = before.book.match(account.id, occasion, now=NOW)
    assert old is not None
    assert old.replies[0].content == said, "a message under way keeps its picture"


def test_a_change_that_is_undone_moves_nothing(hub: Hub) -> None:
    before = live.current()

    def fail() -> None:
        with transaction():
            bump(stored.REVISION)
            raise RuntimeError("the change failed")

    with pytest.raises(RuntimeError):
        fail()

    assert live.refresh() is before


@pytest.mark.parametrize(
    "name", ["rules", "accounts", "departments", "media", "texts", "followers"]
)
def test_whatever_is_kept_in_memory_is_watched(hub: Hub, name: str) -> None:
    before = live.current()
    with transaction():
        bump(name)

    assert live.refresh() is not before


def test_a_new_account_is_heard_and_a_paused_one_is_silent(hub: Hub) -> None:
    live.refresh()
    with transaction():
        police = departments.by_code("police")
        hub.account("patrol", 3, police.id, accounts.Mode.SAFE)
    assert hub.push("patrol", hub.text("o1", "身份证", to="patrol")).status == 404

    live.refresh()
    assert hub.push("patrol", hub.text("o1", "身份证", to="patrol")).text == "请到派出所办理。"

    with transaction():
        accounts.pause(accounts.by_appid(hub.keys["patrol"].appid).id)
    live.refresh()
    assert hub.push("patrol", hub.text("o2", "身份证", to="patrol")).body == "success"


def test_threads_that_need_it_at_once_share_one(hub: Hub) -> None:
    live.forget()
    with ThreadPoolExecutor(8) as pool:
        pictures = list(pool.map(lambda _: live.current(), range(16)))

    assert len({id(picture) for picture in pictures}) == 1


# ---- when something is wrong ----


def test_when_the_database_goes_away_the_last_picture_stays(hub: Hub) -> None:
    before = live.current()
    here = point_at(f"postgresql://nobody@127.0.0.1:{ports.free()}/nothing")

    with pytest.raises(SQLAlchemyError):
        live.refresh()
    assert live.current() is before

    point_at(here)
    put("数据库回来了。")
    assert live.refresh() is not before


def test_a_rule_that_cannot_be_compiled_keeps_the_last_picture_until_it_is_mended(
    hub: Hub,
) -> None:
    before = live.current()
    spoil("(", "pattern")

    with pytest.raises(Exception, match=r".+"):
        live.refresh()
    assert live.current() is before
    assert answer(hub) == "请到派出所办理。"

    spoil("身份证", "contains")
    assert live.refresh() is not before
    assert answer(hub) == "请到派出所办理。"


def spoil(text: str, mode: str) -> None:
    """Write a keyword past every check, as somebody at the database's prompt would."""
    keywords = [{"text": text, "mode": mode, "kind": "text"}]
    with transaction():
        from_code = update(StoredRule).where(StoredRule.code == "police.id_card")
        stored.session.execute(from_code.values(keywords=keywords))
        bump(stored.REVISION)


# ---- what it knows ----


def test_a_rule_belongs_to_its_department_and_to_those_above(hub: Hub) -> None:
    picture = live.current()
    rule = picture.book.rule("police.id_card")
    assert rule is not None
    own = {
        code: picture.is_own(picture.accounts[keys.appid], rule) for code, keys in hub.keys.items()
    }

    assert own == {"police": True, "hrss": False, "release": True}
    assert picture.owner(rule) == "华阴police"


def test_pictures_are_wanted_where_they_may_be_sent_and_known_where_they_are(hub: Hub) -> None:
    put("", reply={"type": "image", "media": "大厅图"})
    ids = {code: account_id(hub, code) for code in ("police", "release", "hrss")}
    with transaction():
        file = media.keep("大厅图", MediaKind.IMAGE, PICTURE, digest="d", now=NOW)
        keep_upload(file, ids["police"], clock.now() + timedelta(days=2))
        keep_upload(file, ids["release"], clock.now() - timedelta(minutes=1))

    picture = live.refresh()

    assert sorted(picture.wanted_media) == sorted(
        [(ids["police"], "大厅图"), (ids["release"], "大厅图")]
    )
    assert picture.media == {(ids["police"], "大厅图"): f"id-{ids['police']}"}


def keep_upload(file: File, owner: int, until: Any) -> None:
    media.uploaded(owner, file.id, TemporaryMedia(f"id-{owner}", until), digest="d")


def account_id(hub: Hub, code: str) -> int:
    return live.current().accounts[hub.keys[code].appid].id
