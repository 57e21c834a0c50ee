"""Accounts: read from a file, added while running."""

from dataclasses import asdict
from pathlib import Path

import pytest

import simulator
from simulator.accounts.accounts import Capability
from simulator.core.errors import ActionRejected
from tests.simulator.conftest import NEWS, POLICE, SimulatorClient, account

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
    platform = simulator.platform_of(simulator.create(file, "http://127.0.0.1:9"))
    assert [one.name for one in platform.accounts] == ["华阴公安"]


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
    with pytest.raises(ActionRejected, match=field):
        simulator.create([{**asdict(POLICE), field: value}], "http://127.0.0.1:9")


def test_an_account_is_added_and_changed_while_running(wechat: SimulatorClient) -> None:
    new = asdict(account(9))
    assert wechat.client.post("/simulator/accounts", json=new).status_code == 200
    wechat.client.post("/simulator/accounts", json={"appid": new["appid"], "mode": "plain"})
    listed = wechat.client.get("/phone/start").json["accounts"]
    assert [(one["name"], one["mode"]) for one in listed if one["appid"] == new["appid"]] == [
        ("华阴测试9", "plain")
    ]
    broken = wechat.client.post("/simulator/accounts", json={"appid": new["appid"], "token": ""})
    assert broken.status_code == 400


def test_rights_follow_from_kind_and_verification() -> None:
    assert POLICE.is_allowed(Capability.TEMPLATE)
    assert not NEWS.is_allowed(Capability.CUSTOM)
    verified = account(4, kind="subscription", verified=True)
    assert verified.is_allowed(Capability.CUSTOM)
    assert not verified.is_allowed(Capability.TEMPLATE)
    assert account(5, verified=False).is_allowed(Capability.MENU)
