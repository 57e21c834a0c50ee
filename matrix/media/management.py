"""Management: the files that staff upload, made harmless, and who may use and change them.

A principal may use the files of their own departments and those of the whole city, and may change
only the former. Files of the whole city are changed by those whose permission is city-wide.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select

from config import audit, cache_versions
from config.database import get_for_update, session
from config.database.optimistic_locking import check_version
from config.errors import Invalid, NotFound
from config.permissions import Permission, PermissionScope, Principal
from matrix.accounts import Account
from matrix.departments import Department
from matrix.media import audio_video, images
from matrix.media.files import (
    CACHE_KEY,
    MAX_BYTES,
    MediaAction,
    MediaFile,
    detect_mime,
    find_by_name,
    is_accepted,
    set_content,
)
from matrix.media.uploads import DueUpload, MediaUpload, request_upload
from matrix.wechat.gateway import MediaKind as Kind

MAX_NAME_LENGTH = 60
# whoever writes or reads rules, or manages an account, has to see the files they use
_USE_PERMISSIONS = (Permission.MEDIA_WRITE, Permission.RULES_READ, Permission.ACCOUNTS_READ)
_ACCEPTED_FORMATS = {
    Kind.IMAGE: "JPG、PNG 或 GIF 图片",
    Kind.THUMB: "JPG、PNG 或 GIF 图片",
    Kind.VOICE: "AMR 或 MP3 录音",
    Kind.VIDEO: "MP4 视频",
}
# bytes; a cover is scaled down by us, so the original may be larger than WeChat's limit
_MAX_UPLOAD_BYTES = MAX_BYTES | {Kind.THUMB: MAX_BYTES[Kind.IMAGE]}


@dataclass(frozen=True)
class SanitizedFile:
    """A file that was read completely and written anew; `digest` is its hexadecimal SHA-256."""

    kind: Kind
    mime: str
    body: bytes
    digest: str


@dataclass(frozen=True)
class MediaListItem:
    """A file with its owner's name (empty for the whole city), and whether it has a thumbnail."""

    file: MediaFile
    department: str
    has_preview: bool


@dataclass(frozen=True)
class AccountUpload:
    """A file at one account: until when its media id is valid, and whether it is the current
    content.
    """

    account_id: int
    account: str
    expires_at: datetime
    is_current: bool


def sanitize(kind: Kind, body: bytes) -> SanitizedFile:
    """Make an uploaded file harmless. Touches no database. Raises Invalid with a Chinese reason."""
    if not body:
        raise Invalid(field="file", problem="文件是空的")
    if len(body) > _MAX_UPLOAD_BYTES[kind]:
        raise Invalid(field="file", problem=f"超过 {_MAX_UPLOAD_BYTES[kind] // 2**20} MB")
    mime = detect_mime(body)
    if mime is None or not is_accepted(kind, mime):
        raise Invalid(field="file", problem=f"不是可用的格式，请上传{_ACCEPTED_FORMATS[kind]}")
    if kind is Kind.THUMB:
        image = images.reencode_cover(body, max_bytes=MAX_BYTES[kind])
        mime, body = image.mime, image.body
    elif kind is Kind.IMAGE:
        image = images.reencode(body, max_bytes=MAX_BYTES[kind])
        mime, body = image.mime, image.body
    # not decoded: that would need ffmpeg, the most attacked part such
    # a hub could have (decision 0055)
    elif kind is Kind.VIDEO:
        body = audio_video.sanitize_mp4(body)
    else:
        body = (
            audio_video.sanitize_amr(body)
            if mime == "audio/amr"
            else audio_video.sanitize_mp3(body)
        )
    return SanitizedFile(kind, mime, body, hashlib.sha256(body).hexdigest())


def access_file(principal: Principal, file_id: int, permission: Permission) -> MediaFile:
    """A file inside the permission's scope, to change it. Raises NotFound."""
    file = session.get(MediaFile, file_id)
    if file is None:
        raise NotFound(kind="media", id=file_id)
    principal.require(permission, department_id=file.department_id)
    return file


def access_usable_file(principal: Principal, file_id: int) -> MediaFile:
    """A file the principal may use: in their scope, or of the whole city. Raises NotFound."""
    found = session.scalar(
        select(MediaFile).where(MediaFile.id == file_id, _usable_filter(principal))
    )
    if found is None:
        raise NotFound(kind="media", id=file_id)
    return found


def list_for_staff(
    principal: Principal,
    *,
    kind: Kind | None = None,
    query: str = "",
    before: int | None = None,
    limit: int = 48,
) -> list[MediaListItem]:
    """Files the principal may use, newest first; `before` is the last id of the page before."""
    statement = (
        select(MediaFile, func.coalesce(Department.name, ""), MediaFile.preview.is_not(None))
        # an outer join, since files of the whole city have no department
        .outerjoin(Department, Department.id == MediaFile.department_id)
        .where(_usable_filter(principal))
    )
    if kind is not None:
        statement = statement.where(MediaFile.kind == kind)
    if query:
        statement = statement.where(MediaFile.name.contains(query, autoescape=True))
    if before is not None:
        statement = statement.where(MediaFile.id < before)
    rows = session.execute(statement.order_by(MediaFile.id.desc()).limit(limit))
    return [MediaListItem(*row) for row in rows]


def names_for_staff(principal: Principal) -> list[tuple[str, Kind]]:
    """Names and kinds of all files the principal may use, by name."""
    rows = session.execute(
        select(MediaFile.name, MediaFile.kind)
        .where(_usable_filter(principal))
        .order_by(MediaFile.name)
    )
    return [(row.name, row.kind) for row in rows]


def owners_for_staff(principal: Principal) -> list[tuple[int | None, str]]:
    """Possible owners of a new file: (department id, name); None stands for the whole city."""
    scope = principal.scope(Permission.MEDIA_WRITE)
    rows = session.execute(
        select(Department.id, Department.name)
        .where(scope.sql_filter(department=Department.id))
        .order_by(Department.id)
    )
    city: list[tuple[int | None, str]] = [(None, "全市共用")] if scope.everywhere else []
    return city + [(row.id, row.name) for row in rows]


def create(
    principal: Principal,
    name: str,
    content: SanitizedFile,
    *,
    department_id: int | None,
    now: datetime,
) -> MediaFile:
    """Store a new file under a unique name. Raises NotFound, Invalid."""
    principal.require(Permission.MEDIA_WRITE, department_id=department_id)
    name = _validated_name(name)
    file = MediaFile(
        name=name,
        kind=content.kind,
        mime=content.mime,
        department_id=department_id,
        author=principal.name,
        created_at=now,
    )
    session.add(file)
    set_content(file, content.body, digest=content.digest, now=now)
    _audit(MediaAction.CREATE, file, after=_audit_facts(file))
    return file


def replace(
    principal: Principal, file_id: int, content: SanitizedFile, *, version: int, now: datetime
) -> MediaFile:
    """Give a file new content under its name. Raises NotFound, Invalid, Stale.

    Accounts that have the file upload it again; until then they go on sending the old content.
    """
    file = _get_locked(principal, file_id, version)
    if content.kind is not file.kind:
        raise Invalid(field="file", problem=f"请上传{_ACCEPTED_FORMATS[file.kind]}")
    # a new version would make every account upload the same bytes again
    if content.digest == file.digest:
        return file
    before = _audit_facts(file)
    file.mime = content.mime
    set_content(file, content.body, digest=content.digest, now=now)
    _audit(MediaAction.REPLACE, file, before=before, after=_audit_facts(file))
    for account_id in session.scalars(
        select(MediaUpload.account_id).where(MediaUpload.file_id == file_id)
    ):
        # at once and not by the periodic job: until then accounts send the old content
        request_upload(DueUpload(account_id, file_id))
    return file


def delete_file(principal: Principal, file_id: int, *, version: int) -> None:
    """Delete a file. The caller has checked that no rule uses it. Raises NotFound, Stale."""
    file = _get_locked(principal, file_id, version)
    _audit(MediaAction.DELETE, file, before=_audit_facts(file))
    # only our ids; at WeChat the temporary files lapse by themselves
    session.execute(delete(MediaUpload).where(MediaUpload.file_id == file_id))
    session.delete(file)
    session.flush()
    cache_versions.invalidate(CACHE_KEY)


def uploads_for_staff(principal: Principal, file_id: int) -> list[AccountUpload]:
    """The accounts, among those the principal may see, to which a file was uploaded."""
    access_usable_file(principal, file_id)
    rows = session.execute(
        select(
            Account.id, Account.name, MediaUpload.expires_at, MediaUpload.digest == MediaFile.digest
        )
        .join(MediaUpload, MediaUpload.account_id == Account.id)
        .join(MediaFile, MediaFile.id == MediaUpload.file_id)
        .where(
            MediaFile.id == file_id,
            principal.scope(Permission.ACCOUNTS_READ).sql_filter(account=Account.id),
        )
        .order_by(Account.name)
    )
    return [AccountUpload(*row) for row in rows]


def _validated_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise Invalid(field="name", problem=f"不能为空，最长 {MAX_NAME_LENGTH} 个字")
    if find_by_name(name) is not None:
        raise Invalid(field="name", problem="已有同名素材，请换一个名称")
    return name


def _get_locked(principal: Principal, file_id: int, version: int) -> MediaFile:
    access_file(principal, file_id, Permission.MEDIA_WRITE)
    file = get_for_update(MediaFile, file_id)
    check_version(file, version, "这个素材", id=file_id)
    return file


def _usable_filter(principal: Principal) -> ColumnElement[bool]:
    scopes = [scope for scope in map(principal.scope, _USE_PERMISSIONS) if scope]
    # no permission anywhere: even the files of the whole city are none of their business
    if not scopes:
        raise NotFound(kind="media", staff=principal.staff_id)
    return or_(MediaFile.department_id.is_(None), *map(_area_filter, scopes))


def _area_filter(scope: PermissionScope) -> ColumnElement[bool]:
    """Files of the departments in a scope, and of those that own its single accounts."""
    in_scope_departments: ColumnElement[bool] = scope.sql_filter(department=MediaFile.department_id)
    account_ids: Collection[int] = scope.accounts
    owners = select(Account.department_id).where(Account.id.in_(account_ids))
    return (
        or_(in_scope_departments, MediaFile.department_id.in_(owners))
        if account_ids
        else in_scope_departments
    )


def _audit_facts(file: MediaFile) -> dict[str, object]:
    return {"name": file.name, "kind": file.kind.value, "size": file.size, "sha256": file.digest}


def _audit(
    action: MediaAction,
    file: MediaFile,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    audit.record(
        action,
        owner=file,
        object_id=file.id,
        label=file.name,
        before=before,
        after=after,
    )
