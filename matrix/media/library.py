"""The library: what staff send, made harmless, and who may use it.

    bytes ── clean ──> Clean ── add / replace ──> File ── remove

A member uses the files of their own area and those of the whole city, and changes only the
former. The city's own belong to those whose area is everywhere.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.exc import NoResultFound

from config import audit, revisions
from config.database import locked, session
from config.errors import DomainError, Invalid, NotFound
from config.tenancy import Area, Member, Right
from matrix.accounts import Account
from matrix.departments import Department
from matrix.media import pictures, recordings
from matrix.media.files import LIMITS, REVISION, File, by_name, fits, mime_of, put
from matrix.media.uploads import Due, Upload, ask
from matrix.wechat.gateway import MediaKind as Kind

LONGEST_NAME = 60
_USERS = (Right.MEDIA_WRITE, Right.RULES_READ, Right.ACCOUNTS_READ)
_ACCEPTED = {
    Kind.IMAGE: "JPG、PNG 或 GIF 图片",
    Kind.THUMB: "JPG、PNG 或 GIF 图片",
    Kind.VOICE: "AMR 或 MP3 录音",
    Kind.VIDEO: "MP4 视频",
}
# what is drawn anew may be larger on the way in
_MOST_SENT = LIMITS | {Kind.THUMB: LIMITS[Kind.IMAGE]}


class FileChanged(DomainError):
    """Somebody else changed the file since it was read."""

    text = "这个素材刚被其他人修改过，请刷新后重试。"


@dataclass(frozen=True)
class Clean:
    """A file that was read whole and written anew: kind, type, bytes and their hex SHA-256."""

    kind: Kind
    mime: str
    body: bytes
    digest: str


@dataclass(frozen=True)
class Listed:
    """A file, its owner (empty for the whole city), and whether a small picture of it is kept."""

    file: File
    department: str
    has_preview: bool


@dataclass(frozen=True)
class AtAccount:
    """A file at one account: until when its id works, and whether it is the file of now."""

    account_id: int
    account: str
    expires_at: datetime
    is_current: bool


def clean(kind: Kind, body: bytes) -> Clean:
    """Make what a stranger sent harmless; touches no database. Raises Invalid in words."""
    if not body:
        raise Invalid(field="file", problem="文件是空的")
    if len(body) > _MOST_SENT[kind]:
        raise Invalid(field="file", problem=f"超过 {_MOST_SENT[kind] // 2**20} MB")
    mime = mime_of(body)
    if mime is None or not fits(kind, mime):
        raise Invalid(field="file", problem=f"不是可用的格式，请上传{_ACCEPTED[kind]}")
    if kind is Kind.THUMB:
        drawn = pictures.cover(body, most_bytes=LIMITS[kind])
        mime, body = drawn.mime, drawn.body
    elif kind is Kind.IMAGE:
        drawn = pictures.redrawn(body, most_bytes=LIMITS[kind])
        mime, body = drawn.mime, drawn.body
    elif kind is Kind.VIDEO:
        body = recordings.mp4(body)
    else:
        body = recordings.amr(body) if mime == "audio/amr" else recordings.mp3(body)
    return Clean(kind, mime, body, hashlib.sha256(body).hexdigest())


def access_file(member: Member, file_id: int, right: Right) -> File:
    """A file inside the area of a right; to use one, see `usable_file`. Raises NotFound."""
    file = session.get(File, file_id)
    if file is None:
        raise NotFound(kind="media", id=file_id)
    member.require(right, department_id=file.department_id)
    return file


def usable_file(member: Member, file_id: int) -> File:
    """A file the member may use: of their area, or of the whole city. Raises NotFound."""
    found = session.scalar(select(File).where(File.id == file_id, _usable(member)))
    if found is None:
        raise NotFound(kind="media", id=file_id)
    return found


def files_for_staff(
    member: Member,
    *,
    kind: Kind | None = None,
    words: str = "",
    before: int | None = None,
    limit: int = 48,
) -> list[Listed]:
    """Files the member may use below id `before`, newest first."""
    statement = (
        select(File, func.coalesce(Department.name, ""), File.preview.is_not(None))
        .outerjoin(Department, Department.id == File.department_id)
        .where(_usable(member))
    )
    if kind is not None:
        statement = statement.where(File.kind == kind)
    if words:
        statement = statement.where(File.name.contains(words, autoescape=True))
    if before is not None:
        statement = statement.where(File.id < before)
    rows = session.execute(statement.order_by(File.id.desc()).limit(limit))
    return [Listed(*row) for row in rows]


def names_for_staff(member: Member) -> list[tuple[str, Kind]]:
    """The names and kinds of all files the member may use, by name."""
    rows = session.execute(select(File.name, File.kind).where(_usable(member)).order_by(File.name))
    return [(row.name, row.kind) for row in rows]


def owners_for_staff(member: Member) -> list[tuple[int | None, str]]:
    """Who a new file of this member may belong to: (department id, name); None is the city."""
    area = member.area(Right.MEDIA_WRITE)
    rows = session.execute(
        select(Department.id, Department.name)
        .where(area.covers(department=Department.id))
        .order_by(Department.id)
    )
    city: list[tuple[int | None, str]] = [(None, "全市共用")] if area.everywhere else []
    return city + [(row.id, row.name) for row in rows]


def add(
    member: Member, name: str, made: Clean, *, department_id: int | None, now: datetime
) -> File:
    """Keep a new file under a name of its own. Raises NotFound, Invalid."""
    member.require(Right.MEDIA_WRITE, department_id=department_id)
    name = _checked(name)
    file = File(
        name=name,
        kind=made.kind,
        mime=made.mime,
        department_id=department_id,
        author=member.name,
        created_at=now,
        version=0,
    )
    session.add(file)
    put(file, made.body, digest=made.digest, now=now)
    _tell("media.add", file, after=_facts(file))
    return file


def replace(member: Member, file_id: int, made: Clean, *, version: int, now: datetime) -> File:
    """Give a file other bytes under its name. Raises NotFound, Invalid, FileChanged.

    Accounts that have it get the new one soon; until then they answer with the old one.
    """
    file = _held(member, file_id, version)
    if made.kind is not file.kind:
        raise Invalid(field="file", problem=f"请上传{_ACCEPTED[file.kind]}")
    if made.digest == file.digest:
        return file
    before = _facts(file)
    file.mime = made.mime
    put(file, made.body, digest=made.digest, now=now)
    _tell("media.replace", file, before=before, after=_facts(file))
    for account_id in session.scalars(select(Upload.account_id).where(Upload.file_id == file_id)):
        ask(Due(account_id, file_id))
    return file


def remove(member: Member, file_id: int, *, version: int) -> None:
    """Remove a file that nobody uses; the caller knows whether rules do.

    Raises NotFound, FileChanged.
    """
    file = _held(member, file_id, version)
    _tell("media.remove", file, before=_facts(file))
    session.execute(delete(Upload).where(Upload.file_id == file_id))
    session.delete(file)
    session.flush()
    revisions.bump(REVISION)


def accounts_of(member: Member, file_id: int) -> list[AtAccount]:
    """Where a file the member may use was uploaded, at accounts the member may see."""
    usable_file(member, file_id)
    rows = session.execute(
        select(Account.id, Account.name, Upload.expires_at, Upload.digest == File.digest)
        .join(Upload, Upload.account_id == Account.id)
        .join(File, File.id == Upload.file_id)
        .where(File.id == file_id, member.area(Right.ACCOUNTS_READ).covers(account=Account.id))
        .order_by(Account.name)
    )
    return [AtAccount(*row) for row in rows]


def _checked(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Invalid(field="name", problem=f"不能为空，最长 {LONGEST_NAME} 个字")
    if by_name(name) is not None:
        raise Invalid(field="name", problem="已有同名素材，请换一个名称")
    return name


def _held(member: Member, file_id: int, version: int) -> File:
    access_file(member, file_id, Right.MEDIA_WRITE)
    try:
        file = locked(File, file_id)
    except NoResultFound as error:
        raise NotFound(kind="media", id=file_id) from error
    if file.version != version:
        raise FileChanged(id=file_id)
    return file


def _usable(member: Member) -> ColumnElement[bool]:
    areas = [area for area in map(member.area, _USERS) if area]
    if not areas:
        raise NotFound(kind="media", staff=member.staff_id)
    return or_(File.department_id.is_(None), *map(_within, areas))


def _within(area: Area) -> ColumnElement[bool]:
    """Files of the departments of an area, and of those that own its single accounts."""
    owned: ColumnElement[bool] = area.covers(department=File.department_id)
    granted: Collection[int] = area.accounts
    owners = select(Account.department_id).where(Account.id.in_(granted))
    return or_(owned, File.department_id.in_(owners)) if granted else owned


def _facts(file: File) -> dict[str, object]:
    return {"name": file.name, "kind": file.kind.value, "size": file.size, "sha256": file.digest}


def _tell(
    action: str,
    file: File,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    audit.record(
        action,
        kind="media",
        object_id=file.id,
        label=file.name,
        department_id=file.department_id,
        before=before,
        after=after,
    )
