"""The media library: the images, voice recordings and videos that rules send."""

from dataclasses import dataclass
from urllib.parse import quote

from flask import Blueprint, Response, render_template, request
from flask_wtf.file import FileField, FileRequired
from werkzeug.datastructures import FileStorage
from wtforms import IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # its types are a version behind

from app import media_usage
from app.console import forms
from app.console.responses import ViewResult, flash_success, redirect_to
from app.web.auth import member, requires
from config import clock
from config.errors import Invalid, NotFound
from config.permissions import Permission
from config.security import antivirus
from matrix import departments, media
from matrix.media import Kind, MediaFile, SanitizedFile

blueprint = Blueprint("media", __name__, url_prefix="/console/media")
KIND_LABELS = {Kind.IMAGE: "图片", Kind.VOICE: "语音", Kind.VIDEO: "视频", Kind.THUMB: "封面"}
_READ_PERMISSIONS = (Permission.MEDIA_WRITE, Permission.RULES_WRITE, Permission.RULES_READ)
_PAGE_SIZE = 48
_KIND_BY_MIME = {"image": Kind.IMAGE, "audio": Kind.VOICE, "video": Kind.VIDEO}
# a file is shown, never run: no scripts and no frames, and it does not count as our origin
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'none'; sandbox"
)


class UploadForm(forms.Form):
    """A new file."""

    file = FileField("文件", [FileRequired("请选择文件")])
    name = StringField("名称", filters=[forms.strip])
    cover = SelectField(
        "用途",
        choices=[
            SelectChoice("", "直接发送给市民"),
            SelectChoice("thumb", "音乐的封面（会压缩到 64 KB 以内）"),
        ],
    )
    owner = SelectField("归谁使用", choices=[], validate_choice=True)


class ReplaceForm(forms.Form):
    """New content for an existing file."""

    file = FileField("换成", [FileRequired("请选择文件")])
    cover = StringField("用途")
    version = IntegerField("版本", default=0)


@dataclass(frozen=True)
class SanitizedUpload:
    """An uploaded file after sanitizing; without `file` the reason stands in `problem`."""

    file: SanitizedFile | None = None
    problem: str = ""


# ---- list and new ----


@blueprint.get("/")
@requires(*_READ_PERMISSIONS)
def index() -> str:
    """The files, newest first."""
    before, search = request.args.get("before", type=int), request.args.get("q", "").strip()
    # an unknown kind in the address lists all files instead of failing
    kind = next((kind for kind in Kind if kind.value == request.args.get("kind")), None)
    found = media.list_for_staff(
        member(), kind=kind, query=search, before=before, limit=_PAGE_SIZE + 1
    )
    listed = found[:_PAGE_SIZE]
    return render_template(
        "console/media/index.html",
        files=listed,
        usage=media_usage.usage_for_staff(member(), {row.file.name for row in listed}),
        older_id=listed[-1].file.id if len(found) > _PAGE_SIZE else None,
        before=before,
        search=search,
        kind=kind,
        kind_labels=KIND_LABELS,
        query_params={name: value for name, value in request.args.items() if name in ("q", "kind")},
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires(Permission.MEDIA_WRITE)
def upload() -> ViewResult:
    """Upload a new file."""
    form = UploadForm()
    # before the first query, so that no transaction stays open while an image is re-encoded
    upload = (
        _sanitize_upload(form.file.data, form.cover.data)
        if form.is_submitted()
        else SanitizedUpload()
    )
    owners = media.owners_for_staff(member())
    form.owner.choices = [SelectChoice(str(key or ""), name) for key, name in owners]
    if form.validate_on_submit() and upload.file is None:
        form.file.errors = [upload.problem]
    elif form.is_submitted() and upload.file is not None and not form.errors:
        name = form.name.data or _name_without_extension(form.file.data)
        owner = int(form.owner.data) if form.owner.data else None
        with forms.errors_on(form, "file"):
            file = media.create(member(), name, upload.file, department_id=owner, now=clock.now())
            flash_success(f"“{file.name}”已保存，可以在规则里使用。")
            return redirect_to("media.show", file_id=file.id)
    page = render_template("console/media/upload.html", form=form)
    return (page, 422) if form.is_submitted() else page


def _sanitize_upload(storage: FileStorage | None, purpose: str | None) -> SanitizedUpload:
    """Scan and sanitize an upload; its kind is read from its first bytes, not from its name.

    `purpose` is the form's choice of what the file is for. Nothing is raised: the result has the
    reason of a refusal.
    """
    body = storage.read() if storage else b""
    # names and content types come from the browser and may say anything
    mime = media.detect_mime(body)
    # a file of unknown type is treated as an image, which refuses it with a reason
    kind = _KIND_BY_MIME.get((mime or "image").partition("/")[0], Kind.IMAGE)
    if purpose == Kind.THUMB.value:
        kind = Kind.THUMB
    try:
        antivirus.scan(body)
        return SanitizedUpload(media.sanitize(kind, body))
    except Invalid as error:
        return SanitizedUpload(problem=error.problem)
    except antivirus.ScannerUnavailable as error:
        return SanitizedUpload(problem=str(error))


def _name_without_extension(storage: FileStorage) -> str:
    """The name of the uploaded file without its folder and its extension."""
    name = (storage.filename or "").replace("\\", "/").rpartition("/")[2]
    return name.rpartition(".")[0] or name


# ---- one file ----


@blueprint.get("/<int:file_id>")
@requires(*_READ_PERMISSIONS)
def show(file_id: int) -> str:
    """One file, the rules that send it, and the accounts it was uploaded for."""
    return _render_detail(media.access_usable_file(member(), file_id), ReplaceForm())


def _render_detail(file: MediaFile, form: ReplaceForm) -> str:
    owner = "全市共用"
    if file.department_id is not None:
        owner = departments.names([file.department_id])[file.department_id]
    return render_template(
        "console/media/show.html",
        file=file,
        owner_name=owner,
        usage=media_usage.usage_for_staff(member(), {file.name})[file.name],
        accounts=media.uploads_for_staff(member(), file.id),
        form=form,
        kind_labels=KIND_LABELS,
        now=clock.now(),
        may_write=member().may(Permission.MEDIA_WRITE, department_id=file.department_id),
    )


@blueprint.post("/<int:file_id>/replace")
@requires(Permission.MEDIA_WRITE)
def replace(file_id: int) -> ViewResult:
    """Replace the content of a file; its name, and so every rule that sends it, stays."""
    form = ReplaceForm()
    # before the file is looked up, for the reason in `upload`; without
    # access the result is thrown away
    upload = _sanitize_upload(form.file.data, form.cover.data)
    file = media.access_file(member(), file_id, Permission.MEDIA_WRITE)
    if form.validate() and upload.file is None:
        form.file.errors = [upload.problem]
    elif upload.file is not None and not form.errors:
        with forms.errors_on(form, "file"):
            version = form.version.data or 0
            media.replace(member(), file_id, upload.file, version=version, now=clock.now())
            flash_success("已替换，各公众号会陆续换成新的。")
            return redirect_to("media.show", file_id=file_id)
    return _render_detail(file, form), 422


@blueprint.post("/<int:file_id>/remove")
@requires(Permission.MEDIA_WRITE)
def delete(file_id: int) -> ViewResult:
    """Delete a file that no rule sends."""
    media_usage.delete_unused(member(), file_id, version=forms.VersionForm().version.data or 0)
    flash_success("素材已删除。")
    return redirect_to("media.index")


@blueprint.get("/<int:file_id>/content")
@requires(*_READ_PERMISSIONS)
def content(file_id: int) -> Response:
    """The content of the file, as a download."""
    file = media.access_usable_file(member(), file_id)
    _, body, _ = media.get_content(file.id)
    # an attachment: opened in a tab of its own, a crafted file would be a page of ours
    response = _file_response(body.content, body.content_type)
    # RFC 6266: a plain ASCII name for old clients, and the Chinese one percent-encoded beside it
    name = quote(f"{file.name}.{body.ending}")
    response.headers["Content-Disposition"] = (
        f"attachment; filename=media-{file.id}.{body.ending}; filename*=UTF-8''{name}"
    )
    return response


@blueprint.get("/<int:file_id>/small")
@requires(*_READ_PERMISSIONS)
def preview(file_id: int) -> Response:
    """A small image for lists, as JPEG; 404 for files without one."""
    file = media.access_usable_file(member(), file_id)
    if file.preview is None:
        raise NotFound(kind="media", id=file_id, what="preview")
    response = _file_response(file.preview, "image/jpeg")
    # an ASCII name by the id: the preview is an image on our pages and rarely saved
    response.headers["Content-Disposition"] = f"attachment; filename=media-{file.id}.jpg"
    return response


def _file_response(body: bytes, mime: str) -> Response:
    return Response(
        body, mimetype=mime, headers={"Content-Security-Policy": _CONTENT_SECURITY_POLICY}
    )
