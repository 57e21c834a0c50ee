"""Media in files: `media`, a list of {name, kind, file}, the file beside the YAML or below it.

`department` says whose a file is; without it a new one belongs to the whole city.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from app.content import accounts
from app.content.record import Record, unique_by
from app.content.yaml_nodes import InvalidFile
from config.database import session
from matrix import media
from matrix.media import MediaFile
from matrix.wechat.gateway import MediaKind

SECTIONS = ("media",)

_KINDS = {kind.value: kind for kind in MediaKind}
# a byte count above every limit of WeChat (10 MB for videos): what is larger is cut off here and
# refused by `media.save`, without reading a huge file into memory
_MAX_SIZE = 11 * 2**20


def load(tops: Sequence[Record], departments: dict[str, int], *, now: datetime) -> int:
    """Keep the files. Returns how many the files name."""
    records = unique_by((record for top in tops for record in top.section("media")), "name")
    for name, record in records.items():
        record.allow_only("name", "kind", "file", "department")
        kind = record.choice("kind", _KINDS)
        body = _read_content(record)
        digest = hashlib.sha256(body).hexdigest()
        owner = accounts.department_id_of(record, departments) if record.has("department") else None
        with record.errors_at("file"):
            media.save(name, kind, body, digest=digest, department_id=owner, now=now)
    return len(records)


def dump(folder: Path, departments: dict[int, str]) -> dict[str, object]:
    """Write the files below `folder` and give the list of them."""
    rows = list(session.scalars(select(MediaFile).order_by(MediaFile.name)))
    listed = []
    for row in rows:
        kind, file, digest = media.get_content(row.id)
        # named by content: names of media are free text and may not fit a file system
        relative_path = f"media/{digest[:16]}.{file.ending}"
        (folder / "media").mkdir(exist_ok=True)
        (folder / relative_path).write_bytes(file.content)
        shape = {"name": row.name, "kind": kind.value, "file": relative_path}
        if row.department_id is not None:
            shape["department"] = departments[row.department_id]
        listed.append(shape)
    return {"media": listed} if listed else {}


def _read_content(record: Record) -> bytes:
    folder = record.file.resolve().parent
    path = (folder / record.text("file")).resolve()
    # a file may come from somebody else and must not read /etc/passwd into the library; resolved
    # first, so that neither .. nor a link leads out
    if not path.is_relative_to(folder):
        raise record.error("file", "应在本文件所在的文件夹之内")
    try:
        with path.open("rb") as file:
            return file.read(_MAX_SIZE)
    except OSError as error:
        raise _missing_file(record) from error


def _missing_file(record: Record) -> InvalidFile:
    return record.error("file", f"没有这个文件或无法读取：{record.text('file')}")
