"""QR codes with a scene: made, printed, and how often they are scanned."""

import io
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import quote

import segno
from flask import Blueprint, Response, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse
from wtforms import IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # its types are a version behind
from wtforms.validators import InputRequired

from app import live
from app.auth import member, needs
from app.console import forms
from app.console.drawing import away, done
from config import audit, clock
from config.errors import Invalid, NotFound
from config.tenancy import Right
from keywords.rules import Kind, Occasion
from matrix import accounts, codes
from matrix.codes import Code, Scans, Wish

blueprint = Blueprint("codes", __name__, url_prefix="/console/codes")
Answer = str | AnyResponse | tuple[str, int]

STATES: dict[codes.State, tuple[str, str]] = {
    codes.State.WAITING: ("生成中", "blue"),
    codes.State.READY: ("可使用", "green"),
    codes.State.FAILED: ("生成失败", "red"),
}
MOST_AT_ONCE = 50
DAYS_SHOWN = 30
_A_PAGE = 50
_PICTURES = {"png": "image/png", "svg": "image/svg+xml"}


class NewForm(forms.Form):
    """What codes are wanted for."""

    account = SelectField("公众号", coerce=int, validate_choice=False)
    names = TextAreaField("用在哪里", [InputRequired("请填写")], filters=[forms.trimmed])
    sort = RadioField(
        "有效期",
        choices=[SelectChoice("permanent", "永久"), SelectChoice("temporary", "临时")],
        default="permanent",
    )
    days = IntegerField("天数", default=codes.MOST_DAYS)
    scene = StringField("场景标识", filters=[forms.trimmed])

    @property
    def wishes(self) -> list[Wish]:
        """One wish a line. Raises Invalid."""
        names = [line.strip() for line in (self.names.data or "").splitlines() if line.strip()]
        if len(names) > MOST_AT_ONCE:
            raise Invalid(field="names", problem=f"一次最多 {MOST_AT_ONCE} 个")
        if self.scene.data and len(names) > 1:
            raise Invalid(field="scene", problem="一次生成多个时请留空，由系统分别生成")
        days = None if self.sort.data == "permanent" else self.days.data or 0
        return [Wish(name, self.scene.data or "", days) for name in names]


class NameForm(forms.Form):
    """What a code is called."""

    name = StringField("名称", filters=[forms.trimmed])
    version = IntegerField("版本", default=0)


class VersionForm(forms.Form):
    """The version a deed was decided on."""

    version = IntegerField("版本", default=0)


@dataclass(frozen=True)
class Bar:
    """One day of the picture, in its units: from the left, and two heights from the ground."""

    day: date
    left: float
    followed: float
    scanned: float
    said: str


# ---- list and new ----


@blueprint.get("/")
@needs(Right.ACCOUNTS_READ)
def index() -> str:
    """The codes, newest first."""
    before = request.args.get("before", type=int)
    account_id, words = request.args.get("account", type=int), request.args.get("q", "").strip()
    retired = request.args.get("retired") == "1"
    found = codes.codes_for_staff(
        member(),
        account_id=account_id,
        words=words,
        retired=retired,
        before=before,
        limit=_A_PAGE + 1,
    )
    kept = {
        name: value for name, value in request.args.items() if name in ("account", "q", "retired")
    }
    return render_template(
        "console/codes/index.html",
        listed=found[:_A_PAGE],
        older=found[_A_PAGE - 1].code.id if len(found) > _A_PAGE else None,
        before=before,
        wanted={"account_id": account_id, "words": words, "retired": retired},
        kept=kept,
        accounts=accounts.accounts_for_staff(member(), Right.ACCOUNTS_READ),
        states=STATES,
        now=clock.now(),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@needs(Right.CODES_WRITE)
def create() -> Answer:
    """Have WeChat make codes."""
    form = NewForm()
    form.account.choices = [
        SelectChoice(str(one.id), one.name)
        for one in accounts.accounts_for_staff(member(), Right.CODES_WRITE)
    ]
    if form.validate_on_submit():
        now = clock.now()
        with forms.blaming(form, "names", name="names"):
            made = [
                codes.create(member(), form.account.data, wish, now=now) for wish in form.wishes
            ]
            if len(made) == 1:
                return away("codes.show", code_id=made[0].id)
            done(f"{len(made)} 个二维码正在生成。")
            return away("codes.index", account=form.account.data)
    page = render_template("console/codes/new.html", form=form, most_days=codes.MOST_DAYS)
    return (page, 422) if form.is_submitted() else page


# ---- one code ----


@blueprint.get("/<int:code_id>")
@needs(Right.ACCOUNTS_READ)
def show(code_id: int) -> str:
    """One code: its picture, what a scan is answered with, and its scans by day."""
    return _shown(code_id, NameForm())


def _shown(code_id: int, form: NameForm) -> str:
    code = codes.access_code(member(), code_id, Right.ACCOUNTS_READ)
    account, now = (
        accounts.access_account(member(), code.account_id, Right.ACCOUNTS_READ),
        clock.now(),
    )
    today = clock.local_day(now)
    since = today - timedelta(days=DAYS_SHOWN - 1)
    scans = codes.scans_for_staff(member(), code_id, since=since)
    rule = live.current().book.match(code.account_id, Occasion(code.scene, Kind.SCAN), now=now)
    if not form.is_submitted():
        form.name.data = code.name
    return render_template(
        "console/codes/show.html",
        code=code,
        account=account,
        form=form,
        picture=_picture(code).svg_data_uri(scale=5, border=2) if code.url else "",
        rule=rule,
        bars=bars(scans, since),
        scans=scans[::-1],
        followed=sum(day.followed for day in scans),
        scanned=sum(day.scanned for day in scans),
        days=DAYS_SHOWN,
        states=STATES,
        is_over=code.is_over(now),
        may_write=member().may(Right.CODES_WRITE, account_id=code.account_id),
    )


@blueprint.get("/<int:code_id>/state")
@needs(Right.ACCOUNTS_READ)
def state(code_id: int) -> AnyResponse | str:
    """Whether it is made, asked again while it waits; then the page is loaded anew."""
    code = codes.access_code(member(), code_id, Right.ACCOUNTS_READ)
    if code.state is codes.State.WAITING:
        return render_template("console/codes/_state.html", code=code, states=STATES)
    return away("codes.show", code_id=code_id)


@blueprint.post("/<int:code_id>/rename")
@needs(Right.CODES_WRITE)
def rename(code_id: int) -> Answer:
    """Call it something else."""
    form = NameForm()
    if form.validate():
        with forms.blaming(form, "name"):
            try:
                codes.rename(
                    member(), code_id, form.name.data or "", version=form.version.data or 0
                )
            except codes.CodeChanged:
                now = {"name": codes.access_code(member(), code_id, Right.CODES_WRITE).name}
                page = url_for("codes.show", code_id=code_id)
                form.set_beside(now, audit.newest("code", code_id), page=page)
    if form.is_refused:
        return _shown(code_id, form), 422
    done("名称已修改。")
    return away("codes.show", code_id=code_id)


@blueprint.post("/<int:code_id>/renew")
@needs(Right.CODES_WRITE)
def renew(code_id: int) -> AnyResponse:
    """Have WeChat make it again."""
    codes.renew(member(), code_id, version=VersionForm().version.data or 0)
    return away("codes.show", code_id=code_id)


@blueprint.post("/<int:code_id>/retire")
@needs(Right.CODES_WRITE)
def retire(code_id: int) -> AnyResponse:
    """Put it aside."""
    version = VersionForm().version.data or 0
    codes.retire(member(), code_id, version=version, now=clock.now())
    done("已停用，从列表中收起。扫码仍会统计。")
    return away("codes.index")


@blueprint.post("/<int:code_id>/bring-back")
@needs(Right.CODES_WRITE)
def bring_back(code_id: int) -> AnyResponse:
    """List it again."""
    codes.bring_back(member(), code_id, version=VersionForm().version.data or 0)
    done("已放回列表。")
    return away("codes.show", code_id=code_id)


@blueprint.get("/<int:code_id>/picture.<ending>")
@needs(Right.ACCOUNTS_READ)
def picture(code_id: int, ending: str) -> Response:
    """The picture as a file for printing."""
    code = codes.access_code(member(), code_id, Right.ACCOUNTS_READ)
    if ending not in _PICTURES or not code.url:
        raise NotFound(kind="code", id=code_id, ending=ending)
    out = io.BytesIO()
    _picture(code).save(out, kind=ending, scale=20, border=4)
    name = quote(f"{code.name}.{ending}")
    disposition = f"attachment; filename=code-{code_id}.{ending}; filename*=UTF-8''{name}"
    return Response(
        out.getvalue(),
        mimetype=_PICTURES[ending],
        headers={
            "Content-Disposition": disposition,
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )


@blueprint.get("/sheet")
@needs(Right.ACCOUNTS_READ)
def sheet() -> str:
    """Codes with their names, for the printer; those that are not ready are left out."""
    wanted = request.args.getlist("id", type=int)[:MOST_AT_ONCE]
    found = codes.codes_for_staff(member(), ids=wanted, retired=None, limit=MOST_AT_ONCE)[::-1]
    ready = [
        (one.code, one.account, _picture(one.code).svg_data_uri(scale=5, border=2))
        for one in found
        if one.code.url and not one.code.is_over(clock.now())
    ]
    left_out = len(found) - len(ready)
    return render_template("console/codes/sheet.html", ready=ready, left_out=left_out)


def _picture(code: Code) -> segno.QRCode:
    return segno.make_qr(code.url, error="q")


def bars(scans: list[Scans], since: date) -> list[Bar]:
    """The picture's days; the highest of all is a hundred units high."""
    by_day = {one.local_day: one for one in scans}
    highest = max((one.followed + one.scanned for one in scans), default=0) or 1
    drawn = []
    for number in range(DAYS_SHOWN):
        day = since + timedelta(days=number)
        one = by_day.get(day)
        followed, scanned = (one.followed, one.scanned) if one else (0, 0)
        said = f"{day.month}月{day.day}日：新关注 {followed}，已关注扫码 {scanned}"
        drawn.append(Bar(day, number * 20, followed * 100 / highest, scanned * 100 / highest, said))
    return drawn
