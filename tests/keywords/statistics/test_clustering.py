"""Sorting: alike questions make one cluster, whatever run of the job they come in."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from config.database import session
from keywords.statistics import clustering
from keywords.statistics.clustering import UnansweredMessage
from keywords.statistics.unanswered import Cluster, ClusterState, SketchPair, UnansweredReason
from matrix.accounts import Account
from tests.helpers import NOW

pytestmark = pytest.mark.usefixtures("rolled_back")

MakeAccount = Callable[..., Account]


def add_question(
    account: Account,
    *texts: str,
    at: datetime = NOW,
    why: UnansweredReason = UnansweredReason.FALLBACK,
) -> None:
    questions = [UnansweredMessage(account.id, text, why, at) for text in texts]
    clustering.save(clustering.assign(questions))
    session.expire_all()


def clusters() -> dict[str, int]:
    return {row.title: row.count for row in session.scalars(select(Cluster).order_by(Cluster.id))}


def test_alike_questions_of_one_account_make_one_cluster(make_account: MakeAccount) -> None:
    police, water = make_account(1), make_account(2)

    add_question(police, "宠物狗怎么办证", "公园几点开门", "请问宠物狗办证怎么办理？")
    add_question(water, "宠物狗怎么办证")
    add_question(police, "寵物狗办证", at=NOW + timedelta(days=1), why=UnansweredReason.SUGGESTION)

    rows = session.scalars(select(Cluster).order_by(Cluster.id)).all()
    assert [(row.account_id, row.title, row.count) for row in rows] == [
        (police.id, "宠物狗怎么办证", 3),
        (police.id, "公园几点开门", 1),
        (water.id, "宠物狗怎么办证", 1),
    ]
    assert rows[0].samples == ["宠物狗怎么办证", "请问宠物狗办证怎么办理？", "寵物狗办证"]
    assert (rows[0].first_at, rows[0].last_at) == (NOW, NOW + timedelta(days=1))
    assert rows[0].reason is UnansweredReason.SUGGESTION


def test_numbers_of_persons_are_not_written_down(make_account: MakeAccount) -> None:
    add_question(make_account(), "我的电话13800001234宠物狗办证")

    row = session.scalars(select(Cluster)).one()
    assert row.title == "我的电话138****1234宠物狗办证"
    assert "13800001234" not in row.text


def test_small_talk_and_signs_are_left_out(make_account: MakeAccount) -> None:
    add_question(make_account(), "谢谢", "😀😀", "？？", "专业办证加我微信", "")

    assert clusters() == {}


def test_a_few_different_examples_are_kept(make_account: MakeAccount) -> None:
    add_question(make_account(), *[f"宠物狗怎么办证{'啊' * number}" for number in range(9)])

    row = session.scalars(select(Cluster)).one()
    assert row.count == 9
    assert len(row.samples) == len(set(row.samples)) == clustering.MAX_SAMPLES


def test_a_closed_cluster_counts_what_came_later(make_account: MakeAccount) -> None:
    account = make_account()
    add_question(account, "宠物狗怎么办证")
    session.scalars(select(Cluster)).one().state = ClusterState.IGNORED
    session.flush()

    add_question(account, "宠物狗怎么办证", "宠物狗办证")

    row = session.scalars(select(Cluster)).one()
    assert (row.state, row.count, row.count_since_closed) == (ClusterState.IGNORED, 3, 2)


def test_an_account_keeps_only_so_many_and_the_rarest_make_room(
    make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clustering, "MAX_CLUSTERS", 2)
    account, other = make_account(1), make_account(2)
    add_question(other, "公园几点开门")
    add_question(account, "宠物狗怎么办证", "宠物狗怎么办证")
    add_question(account, "路灯坏了", at=NOW + timedelta(minutes=1))
    add_question(account, "井盖丢失", at=NOW + timedelta(minutes=2))

    assert clusters() == {"公园几点开门": 1, "宠物狗怎么办证": 2, "井盖丢失": 1}
    orphans = select(func.count()).where(SketchPair.cluster_id.not_in(select(Cluster.id)))
    assert session.scalar(orphans) == 0


def test_a_question_is_compared_with_few_others(make_account: MakeAccount) -> None:
    account = make_account()
    add_question(
        account, *[f"{a}{b}{c}场所" for a in "甲乙丙丁" for b in "东南西北" for c in "春夏秋冬"]
    )

    heaps = clustering._candidate_clusters(account.id, {"宠物狗办证"})

    assert heaps == []
