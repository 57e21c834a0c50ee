"""Shelf: where the simulator keeps what it should still know after a restart.

    documents(kind, name) -> JSON body

Every store reads its kind once at start and writes each changed document at once, so a killed
simulator loses nothing. Without a path the shelf keeps nothing and costs nothing.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Document = dict[str, Any]


class Storage:
    """A table of JSON documents in one SQLite file, or nowhere."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS documents"
            " (kind TEXT, name TEXT, body TEXT, PRIMARY KEY (kind, name)) WITHOUT ROWID"
        )

    def put(self, kind: str, name: str, body: Document) -> None:
        """Keep the document, replacing the one of the same name."""
        if self._connection is None:
            return
        text = json.dumps(body, ensure_ascii=False)
        with self._lock:
            self._connection.execute("REPLACE INTO documents VALUES (?, ?, ?)", (kind, name, text))

    def delete(self, kind: str, name: str) -> None:
        """Forget the document, if it is there."""
        if self._connection is None:
            return
        with self._lock:
            self._connection.execute(
                "DELETE FROM documents WHERE kind = ? AND name = ?", (kind, name)
            )

    def load_all(self, kind: str) -> Iterator[Document]:
        """Every document of the kind, by name."""
        if self._connection is None:
            return
        with self._lock:
            rows = self._connection.execute(
                "SELECT body FROM documents WHERE kind = ? ORDER BY name", (kind,)
            ).fetchall()
        for (body,) in rows:
            yield json.loads(body)

    def close(self) -> None:
        """Let go of the file; later writes are not kept."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
