"""Optimistic locking: who was faster wins, and the other one is told, on both engines."""

import pytest
from sqlalchemy import Select, select, update

from config.database import (
    find_for_update,
    get_for_update,
    read_only,
    run_in_transaction,
    session,
    transaction,
)
from config.database.optimistic_locking import check_version, update_unversioned
from config.errors import NotFound, Stale
from config.jobs import Job
from matrix import canned_responses, departments
from matrix.canned_responses import CannedResponse
from matrix.departments import Department
from tests.helpers import NOW, concurrency
from tests.helpers.principals import principal


def make_response() -> CannedResponse:
    department = departments.create(slug="police", name="公安局", kind="", now=NOW)
    return canned_responses.create(
        principal(), department.id, title="问好", content="您好！", now=NOW
    )


def committed_response() -> CannedResponse:
    """A response as somebody read it in a transaction that has ended."""
    with transaction():
        key = make_response().id
    return read_response(key)


def read_response(key: int) -> CannedResponse:
    with read_only():
        return session.get_one(CannedResponse, key)


def change_without_flush(
    row: CannedResponse, content: str, query: Select[tuple[int]] | None
) -> None:
    with transaction():
        session.add(row)
        row.content = content
        if query is not None:
            session.scalars(query).all()


def change(row: CannedResponse, content: str) -> None:
    """Change a row that was read earlier, without a look at what it is now."""
    session.add(row)
    row.content = content
    session.flush()


@pytest.mark.usefixtures("rolled_back")
def test_every_flush_of_a_change_counts_the_version_up() -> None:
    row = make_response()
    assert row.version == 1

    row.content = "您好，请讲。"
    session.flush()
    assert row.version == 2

    row.content = "您好，请讲。"
    session.flush()
    assert row.version == 2, "nothing was changed"


@pytest.mark.usefixtures("rolled_back")
def test_what_the_hub_notes_by_itself_leaves_the_version_alone() -> None:
    row = make_response()
    update_unversioned(row, content="您好，请讲。")

    assert (row.content, row.version) == ("您好，请讲。", 1)
    session.expire(row)
    assert (row.content, row.version) == ("您好，请讲。", 1)


@pytest.mark.usefixtures("rolled_back")
def test_a_form_is_compared_with_the_version_it_saw() -> None:
    row = make_response()
    check_version(row, 1, "这条常用语")
    check_version(row, None, "这条常用语")
    check_version(None, 0, "这条常用语")

    with pytest.raises(Stale, match=r"^这条常用语刚被其他人修改过，请刷新后重试。$") as refused:
        check_version(row, 2, "这条常用语", author="李编辑", id=row.id)
    assert refused.value.newest is row
    assert refused.value.status == 409
    assert refused.value.facts == {
        "thing": "这条常用语",
        "author": "李编辑",
        "version": 1,
        "id": row.id,
    }
    with pytest.raises(Stale) as deleted:
        check_version(None, 1, "这条常用语")
    assert deleted.value.newest is None


def test_the_sentence_can_be_that_of_the_page() -> None:
    text = "{author}已保存了第 {version} 版。"
    assert str(Stale("菜单", text=text, author="李编辑", version=3)) == "李编辑已保存了第 3 版。"
    assert str(Stale()) == "内容刚被其他人修改过，请刷新后重试。"


@pytest.mark.usefixtures("rolled_back")
def test_a_table_without_a_version_cannot_be_compared() -> None:
    with pytest.raises(TypeError, match="Job"):
        check_version(Job(name="a.b", payload={}, due_at=NOW, created_at=NOW), 1, "任务")


@pytest.mark.usefixtures("rolled_back")
def test_a_row_is_locked_as_it_is_now_even_if_the_session_knew_an_older_version() -> None:
    row = make_response()
    # as another transaction would: the session does not learn of it
    session.connection().execute(update(CannedResponse).values(version=7, content="新"))

    assert get_for_update(CannedResponse, row.id) is row
    assert (row.version, row.content) == (7, "新")
    assert find_for_update(CannedResponse, row.id + 1) is None
    with pytest.raises(NotFound):
        get_for_update(CannedResponse, row.id + 1)


@pytest.mark.usefixtures("own_database")
def test_of_those_who_write_what_they_read_before_exactly_one_wins() -> None:
    key = committed_response().id
    rows = [read_response(key) for _ in range(concurrency.PEOPLE)]

    def save(number: int) -> str:
        with transaction():
            change(rows[number], f"由{number}所写")
        return f"由{number}所写"

    outcomes = concurrency.run_concurrently(save)

    assert outcomes.count(Stale) == concurrency.PEOPLE - 1
    after = read_response(key)
    assert after.content in outcomes
    assert after.version == 2


@pytest.mark.usefixtures("own_database")
def test_a_change_of_what_was_deleted_meanwhile_is_stale_too() -> None:
    row = committed_response()
    with transaction():
        session.delete(session.get_one(CannedResponse, row.id))

    with pytest.raises(Stale), transaction():
        change(row, "您好，请讲。")
    with read_only():
        assert session.scalars(select(CannedResponse.id)).all() == []


@pytest.mark.usefixtures("own_database")
def test_a_flush_at_the_commit_or_before_a_query_raises_the_same() -> None:
    row = committed_response()
    again = [read_response(row.id), read_response(row.id)]
    with transaction():
        change(row, "第二版")

    for content, then in (("在提交时写下", None), ("在查询前写下", select(Department.id))):
        with pytest.raises(Stale):
            change_without_flush(again.pop(), content, then)
    assert read_response(row.id).content == "第二版"


@pytest.mark.usefixtures("own_database")
def test_work_that_lost_a_race_runs_again_and_what_a_form_saw_does_not() -> None:
    row = committed_response()
    key, old = row.id, read_response(row.id)
    with transaction():
        change(row, "第二版")
    attempts: list[str] = []

    def work() -> None:
        attempts.append("work")
        # the first time, as if the row had changed after it was read
        change(old if len(attempts) == 1 else session.get_one(CannedResponse, key), "第三版")

    def save_form() -> None:
        attempts.append("form")
        check_version(session.get_one(CannedResponse, key), 1, "这条常用语")

    run_in_transaction(work)
    with pytest.raises(Stale):
        run_in_transaction(save_form)

    assert attempts == ["work", "work", "form"]
    after = read_response(key)
    assert (after.content, after.version) == ("第三版", 3)
