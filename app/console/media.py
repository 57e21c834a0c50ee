"""The media library: pictures, sounds and films that rules send."""

from dataclasses import dataclass
from urllib.parse import quote

from flask import Blueprint, Response, render_template, request
from flask_wtf.file import FileField, FileRequired
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as AnyResponse
from wtforms import IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # its types are a version behind

from app import library
from app.auth import member, needs
from app.console import forms
from app.console.drawing import away, done
from config import clock, scanning
from config.errors import Invalid, NotFound
from config.tenancy import Right
from matrix import departments, media
from matrix.media import Clean, File, Kind

blueprint = Blueprint("media", __name__, url_prefix="/console/media")
Answer = str | AnyResponse | tuple[str, int]

KINDS = {Kind.IMAGE: "图片", Kind.VOICE: "语音", Kind.VIDEO: "视频", Kind.THUMB: "封面"}
_READERS = (Right.MEDIA_WRITE, Right.RULES_WRITE, Right.RULES_READ)
_A_PAGE = 48
_BY_MIME = {"image": Kind.IMAGE, "audio": Kind.VOICE, "video": Kind.VIDEO}
# a file is shown, never run: it has no scripts, no frames, no origin of ours
_POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'none'; sandbox"


class UploadForm(forms.Form):
    """A new file."""

    file = FileField("文件", [FileRequired("请选择文件")])
    name = StringField("名称", filters=[forms.trimmed])
    cover = SelectField(
        "用途",
        choices=[
            SelectChoice("", "直接发送给市民"),
            SelectChoice("thumb", "音乐的封面（会压缩到 64 KB 以内）"),
        ],
    )
    owner = SelectField("归谁使用", choices=[], validate_choice=True)


class ReplaceForm(forms.Form):
    """Other bytes for a file."""

    file = FileField("换成", [FileRequired("请选择文件")])
    cover = StringField("用途")
    version = IntegerField("版本", default=0)


class VersionForm(forms.Form):
    """The version a deed was decided on."""

    version = IntegerField("版本", default=0)


@dataclass(frozen=True)
class Sent:
    """What was sent: made harmless, or refused in words."""

    made: Clean | None = None
    problem: str = ""


# ---- list and new ----


@blueprint.get("/")
@needs(*_READERS)
def index() -> str:
    """The files, newest first."""
    before, words = request.args.get("before", type=int), request.args.get("q", "").strip()
    kind = next((kind for kind in Kind if kind.value == request.args.get("kind")), None)
    found = media.files_for_staff(
        member(), kind=kind, words=words, before=before, limit=_A_PAGE + 1
    )
    listed = found[:_A_PAGE]
    return render_template(
        "console/media/index.html",
        listed=listed,
        uses=library.uses_for_staff(member(), {one.file.name for one in listed}),
        older=listed[-1].file.id if len(found) > _A_PAGE else None,
        before=before,
        words=words,
        kind=kind,
        kinds=KINDS,
        kept={name: value for name, value in request.args.items() if name in ("q", "kind")},
    )


@blueprint.route("/new", methods=["GET", "POST"])
@needs(Right.MEDIA_WRITE)
def upload() -> Answer:
    """Take a new file into the library."""
    form = UploadForm()
    # before the first question to the database: drawing a picture anew takes its time
    sent = _received(form.file.data, form.cover.data) if form.is_submitted() else Sent()
    owners = media.owners_for_staff(member())
    form.owner.choices = [SelectChoice(str(key or ""), name) for key, name in owners]
    if form.validate_on_submit() and sent.made is None:
        form.file.errors = [sent.problem]
    elif form.is_submitted() and sent.made is not None and not form.errors:
        name = form.name.data or _stem(form.file.data)
        owner = int(form.owner.data) if form.owner.data else None
        with forms.blaming(form, "file"):
            file = media.add(member(), name, sent.made, department_id=owner, now=clock.now())
            done(f"“{file.name}”已保存，可以在规则里使用。")
            return away("media.show", file_id=file.id)
    page = render_template("console/media/upload.html", form=form, limits=media.LIMITS)
    return (page, 422) if form.is_submitted() else page


def _received(storage: FileStorage | None, wish: str | None) -> Sent:
    """What was sent, made harmless; the kind is what the first bytes say."""
    body = storage.read() if storage else b""
    mime = media.mime_of(body)
    kind = _BY_MIME.get((mime or "image").partition("/")[0], Kind.IMAGE)
    if wish == Kind.THUMB.value:
        kind = Kind.THUMB
    try:
        scanning.scan(body)
        return Sent(media.clean(kind, body))
    except Invalid as error:
        return Sent(problem=error.problem)
    except scanning.ScannerAway as error:
        return Sent(problem=str(error))


def _stem(storage: FileStorage) -> str:
    """What the file was called where it came from, without its ending."""
    name = (storage.filename or "").replace("\\", "/").rpartition("/")[2]
    return name.rpartition(".")[0] or name


# ---- one file ----


@blueprint.get("/<int:file_id>")
@needs(*_READERS)
def show(file_id: int) -> str:
    """One file: itself, who sends it, and where it was uploaded."""
    return _shown(media.usable_file(member(), file_id), ReplaceForm())


def _shown(file: File, form: ReplaceForm) -> str:
    owner = "全市共用"
    if file.department_id is not None:
        owner = departments.names([file.department_id])[file.department_id]
    return render_template(
        "console/media/show.html",
        file=file,
        owner=owner,
        uses=library.uses_for_staff(member(), {file.name})[file.name],
        accounts=media.accounts_of(member(), file.id),
        form=form,
        kinds=KINDS,
        now=clock.now(),
        may_write=member().may(Right.MEDIA_WRITE, department_id=file.department_id),
    )


@blueprint.post("/<int:file_id>/replace")
@needs(Right.MEDIA_WRITE)
def replace(file_id: int) -> Answer:
    """Give the file other bytes under its name."""
    form = ReplaceForm()
    sent = _received(form.file.data, form.cover.data)
    file = media.access_file(member(), file_id, Right.MEDIA_WRITE)
    if form.validate() and sent.made is None:
        form.file.errors = [sent.problem]
    elif sent.made is not None and not form.errors:
        with forms.blaming(form, "file"):
            version = form.version.data or 0
            media.replace(member(), file_id, sent.made, version=version, now=clock.now())
            done("已替换，各公众号会陆续换成新的。")
            return away("media.show", file_id=file_id)
    return _shown(file, form), 422


@blueprint.post("/<int:file_id>/remove")
@needs(Right.MEDIA_WRITE)
def remove(file_id: int) -> AnyResponse:
    """Remove a file that no rule sends."""
    library.remove(member(), file_id, version=VersionForm().version.data or 0)
    done("素材已删除。")
    return away("media.index")


@blueprint.get("/<int:file_id>/content")
@needs(*_READERS)
def content(file_id: int) -> Response:
    """The file itself."""
    file = media.usable_file(member(), file_id)
    _, body, _ = media.content_of(file.id)
    answer = _bytes(body.content, body.content_type)
    name = quote(f"{file.name}.{body.ending}")
    answer.headers["Content-Disposition"] = (
        f"attachment; filename=media-{file.id}.{body.ending}; filename*=UTF-8''{name}"
    )
    return answer


@blueprint.get("/<int:file_id>/small")
@needs(*_READERS)
def small(file_id: int) -> Response:
    """A picture small enough for lists."""
    file = media.usable_file(member(), file_id)
    if file.preview is None:
        raise NotFound(kind="media", id=file_id, what="preview")
    answer = _bytes(file.preview, "image/jpeg")
    answer.headers["Content-Disposition"] = f"attachment; filename=media-{file.id}.jpg"
    return answer


def _bytes(body: bytes, mime: str) -> Response:
    return Response(body, mimetype=mime, headers={"Content-Security-Policy": _POLICY})
