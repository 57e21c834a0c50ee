"""Accounts: read from a file, added while running."""

from dataclasses import asdict
from pathlib import Path

import pytest

import simulator
from simulator.accounts import Capability
from simulator.errors import NotPossible
from tests.simulator.conftest import NEWS, POLICE, Platform, account

FILE = """
accounts:
  - appid: wx00000000000000aa
    original_id: gh_sample000001
    department: police
    name: 华阴公安
    kind: service
    verified: true
    mode: safe
    token: SampleToken
    aes_key: 0123456789abcdefghijklmnopqrstuvwxyzABCDEFG
    secret: "00000000000000000000000000000000"
    something_else: ignored
"""


def test_a_file_of_accounts_is_read(tmp_path: Path) -> None:
    file = tmp_path / "accounts.yaml"
    file.write_text(FILE)
    world = simulator.world_of(simulator.create(file, "http://127.0.0.1:9"))
    assert [one.name for one in world.accounts] == ["华阴公安"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("appid", "wx1"),
        ("original_id", "police"),
        ("token", "t"),
        ("aes_key", "short"),
        ("kind", "robot"),
        ("mode", "open"),
        ("name", ""),
    ],
)
def test_a_wrong_field_is_named(field: str, value: str) -> None:
    with pytest.raises(NotPossible, match=field):
        simulator.create([{**asdict(POLICE), field: value}], "http://127.0.0.1:9")


def test_an_account_is_added_and_changed_while_running(platform: Platform) -> None:
    new = asdict(account(9))
    assert platform.client.post("/simulator/accounts", json=new).status_code == 200
    platform.client.post("/simulator/accounts", json={"appid": new["appid"], "mode": "plain"})
    listed = platform.client.get("/phone/start").json["accounts"]
    assert [(one["name"], one["mode"]) for one in listed if one["appid"] == new["appid"]] == [
        ("华阴测试9", "plain")
    ]
    broken = platform.client.post("/simulator/accounts", json={"appid": new["appid"], "token": ""})
    assert broken.status_code == 400


def test_rights_follow_from_kind_and_verification() -> None:
    assert POLICE.may(Capability.TEMPLATE)
    assert not NEWS.may(Capability.CUSTOM)
    verified = account(4, kind="subscription", verified=True)
    assert verified.may(Capability.CUSTOM)
    assert not verified.may(Capability.TEMPLATE)
    assert account(5, verified=False).may(Capability.MENU)
