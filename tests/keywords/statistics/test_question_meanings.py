"""Clusters by meaning: the same question in quite other words joins one, another does not."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from config.database import session
from keywords.statistics import clustering
from keywords.statistics.clustering import UnansweredMessage
from keywords.statistics.unanswered import Cluster, UnansweredReason
from matrix.accounts import Account
from tests.helpers import NOW
from tests.helpers.topic_encoder import TopicEncoder

pytestmark = pytest.mark.usefixtures("rolled_back", "topic_encoder")

MakeAccount = Callable[..., Account]


def add_questions(account: Account, *texts: str) -> None:
    """As one run of the job."""
    clustering.save(
        clustering.assign(
            [UnansweredMessage(account.id, text, UnansweredReason.FALLBACK, NOW) for text in texts]
        )
    )
    session.expire_all()


def clusters() -> dict[str, int]:
    return {row.title: row.count for row in session.scalars(select(Cluster).order_by(Cluster.id))}


def test_the_same_question_in_other_words_joins_in_the_same_run(make_account: MakeAccount) -> None:
    add_questions(make_account(), "小区路灯坏了", "喵星人咋登记", "到处黑灯瞎火")
    assert clusters() == {"小区路灯坏了": 2, "喵星人咋登记": 1}


def test_it_joins_in_a_later_run(make_account: MakeAccount) -> None:
    account = make_account()
    add_questions(account, "小区路灯坏了", "喵星人咋登记")
    add_questions(account, "到处黑灯瞎火", "宠物狗要办证吗", "没人管黑灯瞎火")
    assert clusters() == {"小区路灯坏了": 3, "喵星人咋登记": 2}
    samples = session.scalars(select(Cluster.samples).order_by(Cluster.id)).all()
    assert samples == [
        ["小区路灯坏了", "到处黑灯瞎火", "没人管黑灯瞎火"],
        ["喵星人咋登记", "宠物狗要办证吗"],
    ]


def test_clusters_of_other_accounts_are_not_looked_at(make_account: MakeAccount) -> None:
    add_questions(make_account(1), "小区路灯坏了")
    add_questions(make_account(2), "到处黑灯瞎火")
    assert clusters() == {"小区路灯坏了": 1, "到处黑灯瞎火": 1}


def test_pinyin_and_very_short_messages_are_not_compared(make_account: MakeAccount) -> None:
    add_questions(make_account(), "停水通知啥时候发", "停水", "shuilongtou tingshui", "路灯不亮")
    assert set(clusters().values()) == {1}


def test_what_was_encoded_in_one_run_is_known_in_the_next(make_account: MakeAccount) -> None:
    account = make_account()
    add_questions(account, "小区路灯坏了", "喵星人咋登记")
    add_questions(account, "一滴都不出咋回事")
    known = TopicEncoder.encoded
    add_questions(account, "水龙头拧不出来水")
    # the message itself and the one cluster that began in the run before
    assert TopicEncoder.encoded == known + 2
