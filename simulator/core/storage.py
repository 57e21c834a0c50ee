"""Storage of what the simulator keeps over a restart: JSON documents by (kind, name) in SQLite.

Every store loads its kind at start and writes each changed document immediately, so a killed
simulator loses nothing. Without a path nothing is stored, as in most tests.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from simulator.core.json_object import JsonObject

Document = JsonObject


class Storage:
    """A table of JSON documents in one SQLite file, or no storage at all."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        # one connection for all threads, guarded by the lock; autocommit, because each document
        # stands alone
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        # survives a killed process, though not a power failure: enough for a simulator, and tests
        # that send thousands of messages do not wait for the disk
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS documents"
            " (kind TEXT, name TEXT, body TEXT, PRIMARY KEY (kind, name)) WITHOUT ROWID"
        )

    def put(self, kind: str, name: str, body: Document) -> None:
        """Store a document, replacing one of the same name."""
        if self._connection is None:
            return
        # readable Chinese, for those who open the file with sqlite3
        text = json.dumps(body, ensure_ascii=False)
        with self._lock:
            self._connection.execute("REPLACE INTO documents VALUES (?, ?, ?)", (kind, name, text))

    def delete(self, kind: str, name: str) -> None:
        """Delete a document, if it exists."""
        if self._connection is None:
            return
        with self._lock:
            self._connection.execute(
                "DELETE FROM documents WHERE kind = ? AND name = ?", (kind, name)
            )

    def load_all(self, kind: str) -> Iterator[Document]:
        """All documents of a kind, by name."""
        if self._connection is None:
            return
        with self._lock:
            rows = self._connection.execute(
                "SELECT body FROM documents WHERE kind = ? ORDER BY name", (kind,)
            ).fetchall()
        for (body,) in rows:
            yield json.loads(body)

    def close(self) -> None:
        """Close the file; later writes are dropped."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
