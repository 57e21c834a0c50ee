"""QR codes with a scene: creating and printing them, and how often they are scanned."""

import io
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import quote

import segno
from flask import Blueprint, Response, render_template, request, url_for
from wtforms import IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # its types are a version behind
from wtforms.validators import InputRequired

from app import snapshots
from app.console import forms
from app.console.responses import ViewResult, flash_success, redirect_to
from app.web.auth import member, requires
from config import audit, clock
from config.errors import Invalid, NotFound, Stale
from config.permissions import Permission
from keywords.rules.values import InputKind, MatchInput
from matrix import accounts, qrcodes
from matrix.qrcodes import QrCodeScans, QrCodeSpec, SceneQrCode
from matrix.qrcodes.codes import QrCodeAction

blueprint = Blueprint("qrcodes", __name__, url_prefix="/console/codes")
STATE_LABELS: dict[qrcodes.QrCodeState, tuple[str, str]] = {
    qrcodes.QrCodeState.WAITING: ("生成中", "blue"),
    qrcodes.QrCodeState.READY: ("可使用", "green"),
    qrcodes.QrCodeState.FAILED: ("生成失败", "red"),
}
# a sheet to print, and a batch that stays one short transaction: each code is a row and a job
MAX_PER_REQUEST = 50
CHART_DAYS = 30
_PAGE_SIZE = 50
_IMAGE_TYPES = {"png": "image/png", "svg": "image/svg+xml"}


class NewQrCodeForm(forms.Form):
    """New QR codes of one account, one a line."""

    account = SelectField("公众号", coerce=int, validate_choice=False)
    names = TextAreaField("用在哪里", [InputRequired("请填写")], filters=[forms.strip])
    sort = RadioField(
        "有效期",
        choices=[SelectChoice("permanent", "永久"), SelectChoice("temporary", "临时")],
        default="permanent",
    )
    days = IntegerField("天数", default=qrcodes.MAX_DAYS)
    scene = StringField("场景标识", filters=[forms.strip])

    @property
    def specs(self) -> list[QrCodeSpec]:
        """One spec for each line. Raises Invalid for too many, or one scene for several."""
        names = [line.strip() for line in (self.names.data or "").splitlines() if line.strip()]
        if len(names) > MAX_PER_REQUEST:
            raise Invalid(field="names", problem=f"一次最多 {MAX_PER_REQUEST} 个")
        # two codes with one scene could not be told apart when they are scanned
        if self.scene.data and len(names) > 1:
            raise Invalid(field="scene", problem="一次生成多个时请留空，由系统分别生成")
        days = None if self.sort.data == "permanent" else self.days.data or 0
        return [QrCodeSpec(name=name, scene=self.scene.data or "", days=days) for name in names]


class RenameForm(forms.Form):
    """The name of a QR code."""

    name = StringField("名称", filters=[forms.strip])
    version = IntegerField("版本", default=0)


@dataclass(frozen=True)
class ChartBar:
    """One day of the chart of scans, in units of its viewBox.

    `left` counts from the left edge; `followed` and `scanned` are heights, 100 for the tallest bar.
    """

    day: date
    left: float
    followed: float
    scanned: float
    label: str


# ---- list and new ----


@blueprint.get("/")
@requires(Permission.ACCOUNTS_READ)
def index() -> str:
    """The QR codes, the newest first."""
    before = request.args.get("before", type=int)
    account_id, search = request.args.get("account", type=int), request.args.get("q", "").strip()
    retired = request.args.get("retired") == "1"
    found = qrcodes.list_for_staff(
        member(),
        account_id=account_id,
        words=search,
        retired=retired,
        before=before,
        limit=_PAGE_SIZE + 1,
    )
    query_params = {
        name: value for name, value in request.args.items() if name in ("account", "q", "retired")
    }
    return render_template(
        "console/qrcodes/index.html",
        rows=found[:_PAGE_SIZE],
        older_id=found[_PAGE_SIZE - 1].qrcode.id if len(found) > _PAGE_SIZE else None,
        before=before,
        filters={"account_id": account_id, "words": search, "retired": retired},
        query_params=query_params,
        accounts=accounts.list_for_staff(member(), Permission.ACCOUNTS_READ),
        state_labels=STATE_LABELS,
        now=clock.now(),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires(Permission.QRCODES_WRITE)
def create() -> ViewResult:
    """Ask WeChat, by jobs, for new QR codes."""
    form = NewQrCodeForm()
    form.account.choices = [
        SelectChoice(str(row.id), row.name)
        for row in accounts.list_for_staff(member(), Permission.QRCODES_WRITE)
    ]
    if form.validate_on_submit():
        now = clock.now()
        with forms.errors_on(form, "names", name="names"):
            created = [
                qrcodes.create(member(), form.account.data, spec, now=now) for spec in form.specs
            ]
            if len(created) == 1:
                return redirect_to("qrcodes.show", qrcode_id=created[0].id)
            flash_success(f"{len(created)} 个二维码正在生成。")
            return redirect_to("qrcodes.index", account=form.account.data)
    page = render_template("console/qrcodes/new.html", form=form, max_days=qrcodes.MAX_DAYS)
    return (page, 422) if form.is_submitted() else page


# ---- one QR code ----


@blueprint.get("/<int:qrcode_id>")
@requires(Permission.ACCOUNTS_READ)
def show(qrcode_id: int) -> str:
    """One QR code: its image, the rule that answers a scan, and its scans by day."""
    return _render_detail(qrcode_id, RenameForm())


def _render_detail(qrcode_id: int, form: RenameForm) -> str:
    qrcode = qrcodes.access_qrcode(member(), qrcode_id, Permission.ACCOUNTS_READ)
    account, now = (
        accounts.access_account(member(), qrcode.account_id, Permission.ACCOUNTS_READ),
        clock.now(),
    )
    today = clock.local_day(now)
    since = today - timedelta(days=CHART_DAYS - 1)
    scans = qrcodes.scans_for_staff(member(), qrcode_id, since=since)
    # asked of the rules that answer now, and not of the stored ones, which may not be published
    rule = snapshots.current().ruleset.match(
        qrcode.account_id, MatchInput(qrcode.scene, InputKind.SCAN), now=now
    )
    if not form.is_submitted():
        form.name.data = qrcode.name
    return render_template(
        "console/qrcodes/show.html",
        qrcode=qrcode,
        account=account,
        form=form,
        image=_qr_image(qrcode).svg_data_uri(scale=5, border=2) if qrcode.url else "",
        rule=rule,
        chart_bars=chart_bars(scans, since),
        scans=scans[::-1],
        followed=sum(day.followed for day in scans),
        scanned=sum(day.scanned for day in scans),
        days=CHART_DAYS,
        state_labels=STATE_LABELS,
        is_expired=qrcode.is_expired(now),
        may_write=member().may(Permission.QRCODES_WRITE, account_id=qrcode.account_id),
    )


@blueprint.get("/<int:qrcode_id>/state")
@requires(Permission.ACCOUNTS_READ)
def state(qrcode_id: int) -> ViewResult:
    """The state as part of a page, which polls this address; once it is made the page reloads."""
    qrcode = qrcodes.access_qrcode(member(), qrcode_id, Permission.ACCOUNTS_READ)
    if qrcode.state is qrcodes.QrCodeState.WAITING:
        return render_template(
            "console/qrcodes/_state.html",
            qrcode=qrcode,
            state_labels=STATE_LABELS,
            is_expired=False,
        )
    return redirect_to("qrcodes.show", qrcode_id=qrcode_id)


@blueprint.post("/<int:qrcode_id>/rename")
@requires(Permission.QRCODES_WRITE)
def rename(qrcode_id: int) -> ViewResult:
    """Rename the QR code, or show the conflict when it was renamed since it was read."""
    form = RenameForm()
    if form.validate():
        with forms.errors_on(form, "name"):
            try:
                qrcodes.rename(
                    member(), qrcode_id, form.name.data or "", version=form.version.data or 0
                )
            except Stale:
                now = {
                    "name": qrcodes.access_qrcode(
                        member(), qrcode_id, Permission.QRCODES_WRITE
                    ).name
                }
                page = url_for("qrcodes.show", qrcode_id=qrcode_id)
                form.show_conflict(
                    now, audit.find_latest(QrCodeAction.kind, qrcode_id), reopen_url=page
                )
    if form.is_refused:
        return _render_detail(qrcode_id, form), 422
    flash_success("名称已修改。")
    return redirect_to("qrcodes.show", qrcode_id=qrcode_id)


@blueprint.post("/<int:qrcode_id>/renew")
@requires(Permission.QRCODES_WRITE)
def regenerate(qrcode_id: int) -> ViewResult:
    """Ask WeChat again for a QR code that expired or failed."""
    qrcodes.renew(member(), qrcode_id, version=forms.VersionForm().version.data or 0)
    return redirect_to("qrcodes.show", qrcode_id=qrcode_id)


@blueprint.post("/<int:qrcode_id>/retire")
@requires(Permission.QRCODES_WRITE)
def retire(qrcode_id: int) -> ViewResult:
    """Retire the QR code: it leaves the list. WeChat cannot revoke it, so scans still count."""
    version = forms.VersionForm().version.data or 0
    qrcodes.retire(member(), qrcode_id, version=version, now=clock.now())
    flash_success("已停用，从列表中收起。扫码仍会统计。")
    return redirect_to("qrcodes.index")


@blueprint.post("/<int:qrcode_id>/bring-back")
@requires(Permission.QRCODES_WRITE)
def restore(qrcode_id: int) -> ViewResult:
    """Put a retired QR code back into the list."""
    qrcodes.restore(member(), qrcode_id, version=forms.VersionForm().version.data or 0)
    flash_success("已放回列表。")
    return redirect_to("qrcodes.show", qrcode_id=qrcode_id)


@blueprint.get("/<int:qrcode_id>/picture.<extension>")
@requires(Permission.ACCOUNTS_READ)
def image(qrcode_id: int, extension: str) -> Response:
    """The image as a file for print: png or svg; 404 for another extension."""
    qrcode = qrcodes.access_qrcode(member(), qrcode_id, Permission.ACCOUNTS_READ)
    # an unknown extension is a 404 like an unknown code; segno would raise for it
    if extension not in _IMAGE_TYPES or not qrcode.url:
        raise NotFound(kind="qrcode", id=qrcode_id, extension=extension)
    buffer = io.BytesIO()
    _qr_image(qrcode).save(buffer, kind=extension, scale=20, border=4)
    name = quote(f"{qrcode.name}.{extension}")
    disposition = f"attachment; filename=code-{qrcode_id}.{extension}; filename*=UTF-8''{name}"
    return Response(
        buffer.getvalue(),
        mimetype=_IMAGE_TYPES[extension],
        headers={
            "Content-Disposition": disposition,
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )


@blueprint.get("/sheet")
@requires(Permission.ACCOUNTS_READ)
def print_sheet() -> str:
    """QR codes with their names, to print; those that are not usable are left out and counted."""
    # bounded, since anyone could put any number of ids into the address
    requested_ids = request.args.getlist("id", type=int)[:MAX_PER_REQUEST]
    found = qrcodes.list_for_staff(
        member(), ids=requested_ids, retired=None, limit=MAX_PER_REQUEST
    )[::-1]
    ready = [
        (row.qrcode, row.account, _qr_image(row.qrcode).svg_data_uri(scale=5, border=2))
        for row in found
        if row.qrcode.url and not row.qrcode.is_expired(clock.now())
    ]
    left_out = len(found) - len(ready)
    return render_template(
        "console/qrcodes/print_sheet.html", printable=ready, left_out_count=left_out
    )


def _qr_image(qrcode: SceneQrCode) -> segno.QRCode:
    # level Q still reads with a quarter of the code damaged: codes hang in halls for years
    return segno.make_qr(qrcode.url, error="q")


def chart_bars(scans: list[QrCodeScans], since: date) -> list[ChartBar]:
    """One bar for each of the last `CHART_DAYS` days since `since`, also for days without scans."""
    by_day = {row.local_day: row for row in scans}
    # 1 when there were no scans, because heights are divided by it
    highest = max((row.followed + row.scanned for row in scans), default=0) or 1
    chart = []
    for number in range(CHART_DAYS):
        day = since + timedelta(days=number)
        row = by_day.get(day)
        followed, scanned = (row.followed, row.scanned) if row else (0, 0)
        label = f"{day.month}月{day.day}日：新关注 {followed}，已关注扫码 {scanned}"
        chart.append(
            ChartBar(day, number * 20, followed * 100 / highest, scanned * 100 / highest, label)
        )
    return chart
