"""WeChat as a process of its own: the simulator, played and read over its HTTP interface."""

from pathlib import Path
from typing import Any

import requests
import yaml

from config.database import transaction
from matrix import accounts
from tests.app.jobs._duty import KEY_PREFIX, SECRET
from tests.helpers.hub import Hub
from tests.helpers.processes import Processes

_MIRRORED_FIELDS = ("appid", "original_id", "name", "secret", "token", "aes_key")
SEND = "/cgi-bin/message/custom/send"


class SimulatorClient:
    """The phone of its citizens and the switches of its developers."""

    def __init__(self, url: str) -> None:
        self._url = url

    def act(self, citizen: str, appid: str, do: str, **more: Any) -> dict[str, Any]:
        """Let a citizen do something, and wait for what comes of it."""
        body = {"citizen": citizen, "appid": appid, "do": do, "wait": True, **more}
        return self._post("/phone/act", body)

    def chat(self, citizen: str, appid: str) -> dict[str, Any]:
        """One open chat: entries, menu, window."""
        return self._get("/phone/chat", citizen=citizen, appid=appid)

    def customer_service_texts(self, citizen: str, appid: str) -> list[str]:
        """The customer-service texts that arrived on the phone, oldest first."""
        entries = self.chat(citizen, appid)["entries"]
        return [entry["body"].get("text", "") for entry in entries if entry["via"] == "custom"]

    def citizens(self, count: int) -> list[str]:
        """The ids of new persons."""
        names = [f"市民{number}" for number in range(count)]
        return [self._post("/simulator/citizens", {"name": name})["id"] for name in names]

    def set_limits(self, **limits: float) -> None:
        """Other limits than the platform's."""
        self._post("/simulator/limits", limits)

    def fault(self, kind: str, **more: Any) -> None:
        """Let something go wrong from now on."""
        self._post("/simulator/faults", {"kind": kind, **more})

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        requests.delete(f"{self._url}/simulator/faults", timeout=10).raise_for_status()

    def add_robot(self, kind: str, group: str) -> None:
        """A group robot with the key and secret that tests/app/jobs/_duty.py gives channels."""
        secret = SECRET if kind == "dingtalk" else ""
        robot = {"kind": kind, "key": f"{KEY_PREFIX}{group}", "name": group, "secret": secret}
        self._post("/simulator/robots", robot)

    def robot_texts(self, group: str) -> list[str]:
        """What a group was told, oldest first."""
        messages = self._get("/simulator/robots")["messages"]
        return [each["text"] for each in messages if each["robot"] == group]

    def state(self, appid: str) -> dict[str, Any]:
        """What the platform counts of an account."""
        rows = self._get("/simulator/state")["accounts"]
        return next(row for row in rows if row["appid"] == appid)

    def calls(self, path: str) -> list[dict[str, Any]]:
        """The API calls of one path, oldest first."""
        lines: list[dict[str, Any]] = self._get("/simulator/log", what="api", path=path)["lines"]
        return lines

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = requests.post(f"{self._url}{path}", json=body, timeout=70)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def _get(self, address: str, **query: Any) -> dict[str, Any]:
        answer = requests.get(f"{self._url}{address}", params=query, timeout=30)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said


def start_simulator(processes: Processes, hub: Hub) -> SimulatorClient:
    """Start the simulator with the accounts of the test."""
    rows = []
    with transaction():
        for keys in hub.keys.values():
            account = accounts.get_by_appid(keys.appid)
            mirrored = {name: getattr(account, name) for name in _MIRRORED_FIELDS}
            rows.append(mirrored | {"mode": keys.mode, "kind": "service", "verified": True})
    path: Path = processes.folder / "wechat.yaml"
    path.write_text(yaml.safe_dump({"accounts": rows}, allow_unicode=True), encoding="utf-8")
    processes.simulator(SIMULATOR_ACCOUNTS=str(path))
    return SimulatorClient(processes.simulator_url)
