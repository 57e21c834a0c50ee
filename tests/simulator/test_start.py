"""`python -m simulator`: started as people start it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.simulator.test_accounts import FILE

pytestmark = pytest.mark.processes


def start(folder: Path, port: int, accounts: str = FILE) -> subprocess.Popen[str]:
    file = folder / "accounts.yaml"
    file.write_text(accounts)
    env = os.environ | {
        "SIMULATOR_PORT": str(port),
        "SIMULATOR_ACCOUNTS": str(file),
        "CALLBACK_BASE": "http://127.0.0.1:9",
        "VAR_DIR": str(folder),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "simulator"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ask(process: subprocess.Popen[str], port: int, path: str) -> dict[str, Any]:
    for _ in range(200):
        assert process.poll() is None, process.communicate()[0]
        try:
            return dict(requests.get(f"http://127.0.0.1:{port}{path}", timeout=10).json())
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("the simulator does not listen")


def test_a_killed_simulator_knows_its_followers_and_chats_again(
    tmp_path: Path, free_port: int
) -> None:
    appid = "wx00000000000000aa"
    with start(tmp_path, free_port) as first:
        assert ask(first, free_port, "/simulator/state")["accounts"][0]["name"] == "华阴公安"
        act = {"citizen": "c2", "appid": appid, "do": "follow"}
        requests.post(f"http://127.0.0.1:{free_port}/phone/act", json=act, timeout=10)
        first.kill()
    with start(tmp_path, free_port) as second:
        chat = ask(second, free_port, f"/phone/chat?citizen=c2&appid={appid}")
        assert chat["account"]["following"] is True
        assert chat["entries"][0]["body"]["text"] == "你已关注该公众号"
        second.send_signal(signal.SIGTERM)


@pytest.mark.parametrize(
    ("accounts", "words"),
    [
        ("accounts: 7", "应有一个 accounts 列表"),
        ("accounts: [", "读不出 YAML"),
        (FILE.replace("safe", "open"), "公众号字段 mode"),
    ],
)
def test_a_wrong_file_stops_the_start_with_a_sentence(
    tmp_path: Path, free_port: int, accounts: str, words: str
) -> None:
    with start(tmp_path, free_port, accounts) as process:
        said = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert words in said
    assert "Traceback" not in said
