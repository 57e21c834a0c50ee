"""Fills a database with a large city: accounts, rules, followers and messages, deterministically.

    python -m bench.seed [--accounts 40] [--rules 20000] [--messages 1000000]

Fills the database of DATABASE_URL, which must be migrated and empty.
"""

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bench import seed_related
from bench.seed_related import bulk_insert
from config import clock
from config.database import session, transaction
from keywords.rules import store
from keywords.rules.replies import Text
from keywords.rules.spec import RuleSpec
from keywords.rules.values import Keyword, MatchMode
from matrix import accounts, departments
from matrix.accounts import AccountKind, AccountSpec
from matrix.followers import Follower
from matrix.inbox import InboxMessage, Outcome
from matrix.wechat.envelope import EncryptionMode as Sealing

# large enough that commits do not matter, small enough for memory
_BATCH = 5000
_SPREAD = timedelta(days=90)
_MESSAGES_PER_FOLLOWER = 10  # messages
_TOPICS = [
    "身份证",
    "护照",
    "社保",
    "医保",
    "公积金",
    "户口",
    "驾照",
    "居住证",
    "营业执照",
    "低保",
    "停水",
    "停电",
    "公交",
    "学区",
    "体检",
]
_VERBS = ["办理", "丢失", "补办", "查询", "预约", "变更", "迁移", "注销", "缴费", "投诉"]
_SUFFIXES = [
    "怎么",
    "在哪里",
    "要带什么",
    "多少钱",
    "几点",
    "周末",
    "网上",
    "需要多久",
    "老人",
    "外地",
]
_OUTCOMES = [Outcome.RULE] * 7 + [Outcome.SUGGESTION, Outcome.FALLBACK, Outcome.FALLBACK]


@dataclass(frozen=True)
class Size:
    """The number of rows of each kind."""

    accounts: int = 40
    rules: int = 20_000
    messages: int = 1_000_000


def seed(size: Size, *, now: datetime) -> None:
    """Insert everything: rules and accounts through their own functions, messages in bulk."""
    # a fixed seed: two runs must measure the same city
    chance = random.Random(20260310)
    owners = _accounts(size, now)
    _rules(size, owners, chance, now)
    _messages(size, list(owners), chance, now)
    seed_related.seed_related(owners, share=size.rules / Size.rules, now=now)


def _accounts(size: Size, now: datetime) -> dict[int, int]:
    """Departments below a city, each with an account. Returns department ids by account id."""
    owners = {}
    with transaction():
        city = departments.create(slug="city", name="市委网信办", kind="主号", now=now)
        for number in range(1, size.accounts + 1):
            # one level below the city, as in most matrices: deeper trees cost the same, since
            # scopes are lists of ids
            parent = None if number == 1 else city.id
            owner = (
                city
                if number == 1
                else departments.create(
                    slug=f"d{number}", name=f"第{number}局", kind="", parent_id=parent, now=now
                )
            )
            made = accounts.create(
                AccountSpec(
                    appid=f"wx{number:016x}",
                    original_id=f"gh_{number:012d}",
                    department_id=owner.id,
                    name=f"华阴{number}号",
                    kind=AccountKind.SERVICE,
                    verified=True,
                    mode=Sealing.SAFE,
                    token=f"token{number}",
                    aes_key=f"{number:0>42}A",
                    secret="0" * 32,
                ),
                now=now,
            )
            made.qr_url = "http://weixin.qq.com/q/account"
            owners[made.id] = owner.id
    return owners


def _rules(size: Size, owners: dict[int, int], chance: random.Random, now: datetime) -> None:
    places = list(owners.values())
    for start in range(0, size.rules, _BATCH):
        with transaction():
            for number in range(start, min(start + _BATCH, size.rules)):
                name = f"{chance.choice(_TOPICS)}{chance.choice(_VERBS)}{number}"
                rule_spec = RuleSpec(
                    slug=f"bench.{number}",
                    name=name,
                    keywords=(Keyword(name), Keyword(f"{name}怎么办", MatchMode.EQUAL)),
                    replies=(Text(f"{name}请到窗口。"),),
                )
                # through the package's own function, so that every column is filled as in
                # production
                store.upsert(rule_spec, department_id=places[number % len(places)], now=now)
            session.flush()


def _messages(size: Size, keys: list[int], chance: random.Random, now: datetime) -> None:
    bulk_insert(Follower, _follower_rows(size, keys, now))
    bulk_insert(InboxMessage, _message_rows(size, keys, chance, now))


def _people(size: Size) -> int:
    return max(1, size.messages // _MESSAGES_PER_FOLLOWER)


def _follower_rows(size: Size, keys: list[int], now: datetime) -> Iterator[dict[str, object]]:
    people = _people(size)
    for number in range(people):
        # spread evenly over three months, so that filters by day find some rows and not all
        seen = now - _SPREAD * (people - 1 - number) / people
        yield {
            "account_id": keys[number % len(keys)],
            "openid": f"o{number:027d}",
            "is_subscribed": True,
            "first_seen_at": now - _SPREAD,
            "last_seen_at": seen,
            "message_at": seen,
            "sent_since_message": 0,
            "sent_since_event": 0,
        }


def _message_rows(
    size: Size, keys: list[int], chance: random.Random, now: datetime
) -> Iterator[dict[str, object]]:
    people = _people(size)
    for number in range(size.messages):
        at = now - _SPREAD * (size.messages - number) / size.messages
        person = number % people
        # some of each outcome, so that the pages of unanswered questions have rows too
        outcome = chance.choice(_OUTCOMES)
        rule = chance.randrange(size.rules)
        yield {
            "account_id": keys[person % len(keys)],
            "openid": f"o{person:027d}",
            "dedupe_key": str(number),
            "kind": "text",
            "text": f"{chance.choice(_TOPICS)}{chance.choice(_VERBS)}{chance.choice(_SUFFIXES)}",
            "content": None,
            "sent_at": at,
            "received_at": at,
            "local_day": clock.local_day(at),
            "outcome": outcome,
            "rule_slug": f"bench.{rule}" if outcome is Outcome.RULE else None,
            "answer": "<xml/>",
            "deliveries": 1,
        }


def main() -> None:
    """Fill the database."""
    parser = argparse.ArgumentParser(prog="bench.seed", description=__doc__.split("\n\n")[0])
    for name, value in vars(Size()).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    seed(Size(**vars(parser.parse_args())), now=clock.now())


if __name__ == "__main__":
    main()
