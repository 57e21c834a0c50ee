"""A server that answers what a test writes down, and remembers what it was asked."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = {"access_token": "token-1", "expires_in": 7200}


@dataclass
class RecordedRequest:
    """One request that came."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    connection: tuple[str, int]


@dataclass
class ScriptedResponse:
    """What to answer. `hang` waits before it, `drip` seconds pass between bytes; a negative
    `status` closes the connection without sending anything."""

    content: bytes = b""
    status: int = 200
    content_type: str = "application/json; encoding=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    hang: float = 0.0
    drip: float = 0.0


@dataclass
class ScriptedServer:
    """Answers by path, used up one by one; the last one stays."""

    url: str = ""
    responses: dict[str, list[ScriptedResponse]] = field(default_factory=dict)
    requests: list[RecordedRequest] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def respond(self, path: str, *answers: Any) -> None:
        """Write down what a path answers: mappings become JSON."""
        self.responses[path] = [
            one
            if isinstance(one, ScriptedResponse)
            else ScriptedResponse(json.dumps(one, ensure_ascii=False).encode())
            for one in answers
        ]

    def calls(self, path: str) -> list[RecordedRequest]:
        """What a path was asked."""
        return [one for one in self.requests if one.path == path]


@contextmanager
def serve() -> Iterator[ScriptedServer]:
    """A script with a server behind it; tokens it has from the start."""
    scripted_server = ScriptedServer()
    scripted_server.respond("/cgi-bin/stable_token", TOKEN)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.script = scripted_server
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    scripted_server.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield scripted_server
    finally:
        scripted_server.closed.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    script: ScriptedServer

    def handle_error(self, *_arguments: object) -> None:
        """The other side has had enough; that is what it is here for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def _respond(self) -> None:
        scripted_server, parts = self.server.script, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query, headers = parse_qs(parts.query), dict(self.headers)
        peer = self.client_address[0], self.client_address[1]
        scripted_server.requests.append(
            RecordedRequest(self.command, parts.path, query, headers, body, peer)
        )
        written = scripted_server.responses[parts.path]
        answer = written.pop(0) if len(written) > 1 else written[0]
        scripted_server.closed.wait(answer.hang)
        self.close_connection = bool(answer.hang or answer.drip or answer.status < 0)
        if answer.status < 0:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        try:
            self._write(answer)
        except OSError:
            return  # the other side has had enough

    def _write(self, answer: ScriptedResponse) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if not answer.drip:
            self.wfile.write(answer.content)
            return
        for byte in answer.content:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.server.script.closed.wait(answer.drip):
                return
