"""Anchor: the newest root of the hash chain, kept in a file beside the database.

    seal ──> `audit-root` in VAR_DIR: {"seal": 97, "root": "…"} ──> verify: is it still there?

Whoever wipes both the audit and its seals leaves an empty chain, which is intact by itself. The
file is not in the database, and belongs into the backup together with the log's `audit.sealed`.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from config import settings

_NAME = "audit-root"


@dataclass(frozen=True)
class Anchor:
    """A root (hexadecimal) that the chain had, and the id of its seal."""

    seal: int
    root: str


def read() -> Anchor | None:
    """The anchor of this machine; None where nothing was sealed yet. Raises ValueError."""
    try:
        found = json.loads(_path().read_text())
    except FileNotFoundError:
        return None
    return Anchor(int(found["seal"]), str(found["root"]))


def write(anchor: Anchor) -> None:
    """Replace the anchor, at once: a reader sees the old or the new one."""
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{_NAME}.{os.getpid()}")
    fresh.write_text(json.dumps({"seal": anchor.seal, "root": anchor.root}))
    fresh.chmod(0o600)
    fresh.replace(path)


def _path() -> Path:
    return Path(settings.get().var_dir) / _NAME
