"""Strangers at the open port, where the server itself reads what they send."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.end_to_end._load_client import LoadClient
from tests.helpers.hub import Hub
from tests.helpers.processes import Processes, is_answering

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(120),
    # what stands before the database is the same on both
    pytest.mark.parametrize("database_server", ["sqlite"], indirect=True),
]

GREETING = "POST {path} HTTP/1.1\r\nHost: hub.example\r\nContent-Type: text/xml\r\n"


class RawConnection:
    """A raw connection to the web process."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._socket = socket.create_connection((place.hostname, place.port), timeout=30)

    def send(self, head: str, body: bytes = b"") -> None:
        """Send as much as is taken."""
        try:
            self._socket.sendall(head.encode() + b"\r\n" + body)
        except (BrokenPipeError, ConnectionResetError):
            return

    def receive(self) -> int | None:
        """The status of the answer; None when the connection was just closed."""
        try:
            line = self._socket.makefile("rb").readline()
        except ConnectionResetError:
            return None
        return int(line.split()[1]) if line else None

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def path(hub: Hub, load_client: LoadClient, processes: Processes) -> Iterator[str]:
    """Where the police's pushes go; the web process runs."""
    processes.web()
    assert load_client.push("police", hub.text("o1", "身份证")).status == 200
    return f"/wechat/{hub.keys['police'].appid}?signature=x"


def test_what_is_too_long_or_has_no_length_is_refused(path: str, processes: Processes) -> None:
    heads = {
        "Content-Length: 2097152\r\n": b"a" * 2**21,
        "Transfer-Encoding: chunked\r\n": b"3\r\nabc\r\n0\r\n\r\n",
        "Content-Length: 3\r\nContent-Length: 4\r\n": b"abc",
        "Content-Length: many\r\n": b"abc",
        "": b"",
    }
    for head, body in heads.items():
        stranger = RawConnection(processes.url)
        stranger.send(GREETING.format(path=path) + head, body)
        assert stranger.receive() in {None, 400, 411, 413}, head
        stranger.close()


def test_clients_that_announce_a_body_and_never_send_it_block_nobody(
    path: str, processes: Processes, hub: Hub, load_client: LoadClient
) -> None:
    strangers = [RawConnection(processes.url) for _ in range(12)]
    for stranger in strangers:
        stranger.send(GREETING.format(path=path) + "Content-Length: 1000\r\n", b"<xml>")

    answered = load_client.push("police", hub.text("o2", "身份证"))

    assert answered.text == "请到派出所办理。"
    for stranger in strangers:
        assert stranger.receive() in {None, 400, 403}
        stranger.close()


def test_http_2_is_not_spoken(path: str, processes: Processes) -> None:
    """Streams that a client leaves half done would keep the server's threads for ever."""
    settings_frame = b"\x00\x00\x00\x04" + bytes(5)
    stranger = RawConnection(processes.url)
    stranger.send("PRI * HTTP/2.0\r\n\r\nSM\r\n", settings_frame)

    # an answer of HTTP/2 has no status line and would raise ValueError
    assert stranger.receive() in {None, 400, 505}
    stranger.close()
    assert is_answering(f"{processes.url}/healthz")


def test_a_killed_child_of_the_web_process_is_started_again(
    hub: Hub, load_client: LoadClient, processes: Processes
) -> None:
    web = processes.web()
    children = Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text(encoding="ascii").split()

    for child in children:
        os.kill(int(child), signal.SIGKILL)
    web.wait_until(lambda: is_answering(f"{processes.url}/healthz"))

    assert web.is_running
    assert load_client.push("police", hub.text("o1", "身份证")).text == "请到派出所办理。"
