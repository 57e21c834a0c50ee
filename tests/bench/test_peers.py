"""Peers: what the hub is compared with must itself give right answers."""

from pathlib import Path

import pytest

from bench.common.programs import running
from bench.load import pushes
from bench.load.protocol import derive_accounts
from bench.load.scripts import Kind, Rule, Script
from bench.peers.programs import FALLBACK, has_node, peers

pytestmark = pytest.mark.processes

ACCOUNTS = derive_accounts(2)
RULES = [
    Rule(Kind.CONTAINS, "急", "先说急事"),
    Rule(Kind.EXACT, "护照", "带护照来"),
    Rule(Kind.EXACT, "急件", "不会说到"),
    Rule(Kind.PREFIX, "查询", "请稍候"),
    Rule(Kind.REGEX, r"第\d+号", "请等叫号"),
]
SCRIPTS = [
    Script("护照", "带护照来"),
    Script("急件", "先说急事"),
    Script("查询进度", "请稍候"),
    Script("我是第12号吗", "请等叫号"),
    Script("我要查询护照", FALLBACK),
]


NAMES = ["flask", "flask-gthread", "werobot", "flask-granian", *(["koa"] if has_node() else [])]


@pytest.mark.parametrize("name", NAMES)
def test_a_peer_answers_every_kind_of_rule_in_order(name: str, tmp_path: Path) -> None:
    program = next(peer for peer in peers(ACCOUNTS, RULES, tmp_path) if peer.name == name)
    prepared = pushes.prepare(pushes.campaign(ACCOUNTS, SCRIPTS), 200, tmp_path)

    with running(program) as server:
        shot = pushes.run_load(prepared, server.port, connections=2)

    assert {sent.script for sent in prepared.sent} == set(range(len(SCRIPTS)))
    assert pushes.check_replies(shot) == pushes.CheckResult(checked=200, wrong={})
