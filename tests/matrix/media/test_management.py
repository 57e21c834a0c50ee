"""The library: whose a file is, who may use it, and what a change causes."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from config import cache_versions
from config.audit import AuditEntry
from config.database import session
from config.errors import Invalid, NotFound, Stale
from config.permissions import Permission
from matrix import media
from matrix.media import Kind, MediaUpload, SanitizedFile
from matrix.wechat.gateway import TemporaryMedia
from tests.helpers import NOW
from tests.helpers import media_files as files
from tests.helpers.principals import accounts_scope, principal
from tests.matrix.conftest import MakeAccount, MakeDepartment

Enqueued = Callable[[], list[str]]


@pytest.fixture
def picture() -> SanitizedFile:
    return media.sanitize(Kind.IMAGE, files.picture())


@pytest.fixture
def other_picture() -> SanitizedFile:
    return media.sanitize(Kind.IMAGE, files.picture(size=(30, 30)))


def test_a_file_is_used_by_its_area_and_the_citys_by_all(
    make_department: MakeDepartment, picture: SanitizedFile
) -> None:
    police, water = make_department("police"), make_department("water")
    for name, owner in (("城市", None), ("公安", police.id), ("水务", water.id)):
        media.create(principal(), name, picture, department_id=owner, now=NOW)
    editor = principal(accounts_scope(departments=(police.id,)))

    listed = media.list_for_staff(editor)

    assert [(one.file.name, one.department) for one in listed] == [
        ("公安", "police局"),
        ("城市", ""),
    ]
    assert {name for name, _ in media.names_for_staff(editor)} == {"公安", "城市"}
    city, own, foreign = (media.find_by_name(name) for name in ("城市", "公安", "水务"))
    assert media.access_usable_file(editor, city.id) is city
    assert media.access_file(editor, own.id, Permission.MEDIA_WRITE) is own
    for attempt in (
        lambda: media.access_usable_file(editor, foreign.id),
        lambda: media.uploads_for_staff(editor, foreign.id),
        lambda: media.access_file(editor, city.id, Permission.MEDIA_WRITE),
        lambda: media.replace(editor, city.id, picture, version=1, now=NOW),
        lambda: media.delete_file(editor, foreign.id, version=1),
        lambda: media.create(editor, "新的", picture, department_id=None, now=NOW),
        lambda: media.create(editor, "新的", picture, department_id=water.id, now=NOW),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert media.owners_for_staff(editor) == [(police.id, "police局")]
    assert media.owners_for_staff(principal())[0] == (None, "全市共用")


def test_who_works_for_one_account_uses_the_files_of_its_department(
    make_account: MakeAccount, picture: SanitizedFile
) -> None:
    account = make_account(1)
    file = media.create(principal(), "大厅", picture, department_id=account.department_id, now=NOW)
    editor = principal(accounts_scope(account.id))

    assert media.access_usable_file(editor, file.id) is file
    with pytest.raises(NotFound):
        media.replace(editor, file.id, picture, version=1, now=NOW)


def test_without_any_right_there_is_nothing(picture: SanitizedFile, rolled_back: None) -> None:
    file = media.create(principal(), "城市", picture, department_id=None, now=NOW)
    with pytest.raises(NotFound):
        media.access_usable_file(principal(accounts_scope()), file.id)


def test_a_name_is_unique_and_said_so_at_its_field(
    rolled_back: None, picture: SanitizedFile
) -> None:
    media.create(principal(), " 大厅 ", picture, department_id=None, now=NOW)

    for name in ("大厅", "", "名" * 61, "a\nb"):
        with pytest.raises(Invalid) as caught:
            media.create(principal(), name, picture, department_id=None, now=NOW)
        assert caught.value.field == "name"


def test_the_list_is_searched_and_paged(rolled_back: None, picture: SanitizedFile) -> None:
    made = [
        media.create(principal(), name, picture, department_id=None, now=NOW)
        for name in ("大厅一", "大厅二", "门口")
    ]
    cover = media.sanitize(Kind.THUMB, files.picture())
    media.create(principal(), "封面", cover, department_id=None, now=NOW)

    def names(**wanted: object) -> list[str]:
        return [one.file.name for one in media.list_for_staff(principal(), **wanted)]

    assert names(query="大厅") == ["大厅二", "大厅一"]
    assert names(kind=Kind.THUMB) == ["封面"]
    assert names(before=made[2].id, limit=1) == ["大厅二"]


def test_a_replaced_file_goes_again_to_the_accounts_that_have_it(
    make_account: MakeAccount,
    enqueued_jobs: Enqueued,
    picture: SanitizedFile,
    other_picture: SanitizedFile,
) -> None:
    account, foreign = make_account(1), make_account(2)
    file = media.create(principal(), "大厅", picture, department_id=None, now=NOW)
    until = NOW + timedelta(days=3)
    for one in (account, foreign):
        sent = TemporaryMedia(f"id-{one.id}", until)
        media.record_upload(one.id, file.id, sent, digest=picture.digest)
    before = cache_versions.current()[media.CACHE_KEY]

    media.replace(principal(), file.id, picture, version=1, now=NOW)
    assert media.MediaJob.UPLOAD not in enqueued_jobs(), "the same again changes nothing"
    media.replace(principal(), file.id, other_picture, version=1, now=NOW)

    assert enqueued_jobs().count(media.MediaJob.UPLOAD) == 2
    assert cache_versions.current()[media.CACHE_KEY] > before
    assert media.media_ids(now=NOW)[account.id, "大厅"] == f"id-{account.id}", (
        "until the new one is there"
    )
    (shown,) = media.uploads_for_staff(principal(accounts_scope(account.id)), file.id)
    assert (shown.account, shown.is_current) == ("账号1", False)
    with pytest.raises(Stale):
        media.replace(principal(), file.id, picture, version=1, now=NOW)


def test_a_file_is_replaced_by_its_own_kind_only(rolled_back: None, picture: SanitizedFile) -> None:
    file = media.create(principal(), "大厅", picture, department_id=None, now=NOW)
    sound = media.sanitize(Kind.VOICE, files.amr())

    with pytest.raises(Invalid, match="JPG"):
        media.replace(principal(), file.id, sound, version=1, now=NOW)


def test_a_removed_file_leaves_its_uploads_no_trace_and_the_audit_one(
    make_account: MakeAccount, picture: SanitizedFile
) -> None:
    file = media.create(principal(), "大厅", picture, department_id=None, now=NOW)
    media.record_upload(make_account(1).id, file.id, TemporaryMedia("id", NOW), digest="d")
    with pytest.raises(Stale):
        media.delete_file(principal(), file.id, version=7)

    media.delete_file(principal(), file.id, version=1)

    assert media.find_by_name("大厅") is None
    assert session.scalars(select(MediaUpload)).all() == []
    rows = session.scalars(select(AuditEntry.action).where(AuditEntry.object_kind == "media"))
    assert list(rows) == ["media.create", "media.delete"]


def test_a_file_of_the_citys_yaml_keeps_the_owner_it_has(
    make_department: MakeDepartment, picture: SanitizedFile, other_picture: SanitizedFile
) -> None:
    police = make_department("police")
    file = media.create(principal(), "大厅", picture, department_id=police.id, now=NOW)

    media.save("大厅", Kind.IMAGE, other_picture.body, digest=other_picture.digest, now=NOW)

    assert (file.department_id, file.digest) == (police.id, other_picture.digest)
    assert file.size == len(other_picture.body)
