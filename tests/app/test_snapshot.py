"""The picture in memory: whole, never changed, made anew when a revision moves."""

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, update
from sqlalchemy.exc import SQLAlchemyError

from app import snapshots
from config import clock
from config.cache_versions import invalidate
from config.database import engine, transaction
from keywords.rules import spec, store
from keywords.rules.store import RuleRow
from keywords.rules.values import MatchInput
from matrix import accounts, departments, media
from matrix.media import MediaFile
from matrix.wechat.gateway import MediaKind, TemporaryMedia
from tests.helpers import NOW, ports
from tests.helpers.city import RULES
from tests.helpers.databases import use_database
from tests.helpers.hub import Hub

PICTURE = b"\x89PNG\r\n\x1a\n" + b"a picture"


def put_rule(words: str, **more: Any) -> None:
    """Change what the police's first rule says."""
    (rule_spec,) = spec.parse_rules({"rules": [RULES[0] | {"reply": words_of(words)} | more]})
    with transaction():
        owner = departments.get_by_slug("police")
        store.upsert(rule_spec, department_id=owner.id, now=clock.now())


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


def test_the_snapshot_stays_while_no_cache_version_moves_and_checking_costs_one_query(
    hub: Hub, statements: list[str]
) -> None:
    before = snapshots.current()
    statements.clear()

    assert snapshots.refresh() is before
    assert snapshots.current() is before
    assert len([each for each in statements if each.startswith("SELECT")]) == 1


def test_a_changed_rule_counts_from_the_next_refresh_on(hub: Hub) -> None:
    before, said = snapshots.current(), answer(hub)
    put_rule("请到政务大厅办理。")
    assert answer(hub) == said, "nobody looked yet"

    snapshots.refresh()

    assert answer(hub) == "请到政务大厅办理。"
    assert snapshots.current() is not before
    occasion = MatchInput("身份证")
    account = snapshots.current().accounts[hub.keys["police"].appid]
    old = before.ruleset.match(account.id, occasion, now=NOW)
    assert old is not None
    assert old.replies[0].content == said, "a message under way keeps its picture"


def test_a_change_that_is_undone_moves_nothing(hub: Hub) -> None:
    before = snapshots.current()

    def fail() -> None:
        with transaction():
            invalidate(store.CACHE_KEY)
            raise RuntimeError("the change failed")

    with pytest.raises(RuntimeError):
        fail()

    assert snapshots.refresh() is before


@pytest.mark.parametrize(
    "name", ["rules", "accounts", "departments", "media", "texts", "blocklist"]
)
def test_whatever_is_kept_in_memory_is_watched(hub: Hub, name: str) -> None:
    before = snapshots.current()
    with transaction():
        invalidate(name)

    assert snapshots.refresh() is not before


def test_a_new_account_answers_and_a_paused_one_does_not(hub: Hub) -> None:
    snapshots.refresh()
    with transaction():
        police = departments.get_by_slug("police")
        hub.account("patrol", 3, police.id, accounts.EncryptionMode.SAFE)
    assert hub.push("patrol", hub.text("o1", "身份证", to="patrol")).status == 404

    snapshots.refresh()
    assert hub.push("patrol", hub.text("o1", "身份证", to="patrol")).text == "请到派出所办理。"

    with transaction():
        accounts.pause(accounts.get_by_appid(hub.keys["patrol"].appid).id)
    snapshots.refresh()
    assert hub.push("patrol", hub.text("o2", "身份证", to="patrol")).body == "success"


def test_threads_that_need_it_at_once_share_one(hub: Hub) -> None:
    snapshots.reset()
    with ThreadPoolExecutor(8) as pool:
        pictures = list(pool.map(lambda _: snapshots.current(), range(16)))

    assert len({id(snapshot) for snapshot in pictures}) == 1


# ---- when something is wrong ----


def test_the_last_snapshot_stays_when_the_database_is_unavailable(hub: Hub) -> None:
    before = snapshots.current()
    here = use_database(f"postgresql://nobody@127.0.0.1:{ports.free()}/nothing")

    with pytest.raises(SQLAlchemyError):
        snapshots.refresh()
    assert snapshots.current() is before

    use_database(here)
    put_rule("数据库回来了。")
    assert snapshots.refresh() is not before


def test_a_rule_that_cannot_be_compiled_keeps_the_last_snapshot_until_it_is_fixed(
    hub: Hub,
) -> None:
    before = snapshots.current()
    break_rule("(", "pattern")

    with pytest.raises(Exception, match=r".+"):
        snapshots.refresh()
    assert snapshots.current() is before
    assert answer(hub) == "请到派出所办理。"

    break_rule("身份证", "contains")
    assert snapshots.refresh() is not before
    assert answer(hub) == "请到派出所办理。"


def break_rule(text: str, mode: str) -> None:
    """Write a keyword past every check, as somebody at the database's prompt would."""
    keywords = [{"text": text, "mode": mode, "kind": "text"}]
    with transaction():
        from_code = update(RuleRow).where(RuleRow.slug == "police.id_card")
        store.session.execute(from_code.values(keywords=keywords))
        invalidate(store.CACHE_KEY)


# ---- what it knows ----


def test_a_rule_belongs_to_its_department_and_to_those_above(hub: Hub) -> None:
    snapshot = snapshots.current()
    rule = snapshot.ruleset.find_rule("police.id_card")
    assert rule is not None
    own = {
        code: snapshot.is_own(snapshot.accounts[keys.appid], rule)
        for code, keys in hub.keys.items()
    }

    assert own == {"police": True, "hrss": False, "release": True}
    assert snapshot.owner_name(rule) == "华阴police"


def test_pictures_are_wanted_where_they_may_be_sent_and_known_where_they_are(hub: Hub) -> None:
    put_rule("", reply={"type": "image", "media": "大厅图"})
    ids = {code: account_id(hub, code) for code in ("police", "release", "hrss")}
    with transaction():
        file = media.save("大厅图", MediaKind.IMAGE, PICTURE, digest="d", now=NOW)
        store_upload(file, ids["police"], clock.now() + timedelta(days=2))
        store_upload(file, ids["release"], clock.now() - timedelta(minutes=1))

    snapshot = snapshots.refresh()

    assert sorted(snapshot.required_media) == sorted(
        [(ids["police"], "大厅图"), (ids["release"], "大厅图")]
    )
    assert snapshot.media_ids == {(ids["police"], "大厅图"): f"id-{ids['police']}"}


def store_upload(file: MediaFile, owner: int, until: Any) -> None:
    media.record_upload(owner, file.id, TemporaryMedia(f"id-{owner}", until), digest="d")


def account_id(hub: Hub, code: str) -> int:
    return snapshots.current().accounts[hub.keys[code].appid].id


def test_production_keeps_the_picture_out_of_the_collectors_rounds(
    production_collector: Callable[[], None],
) -> None:
    gc.unfreeze()
    assert gc.get_freeze_count() == 0
    production_collector()
    assert gc.get_freeze_count() > 0
    assert gc.isenabled()
