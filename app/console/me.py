"""One's own things: password, second factor, sign-ins."""

from flask import Blueprint, jsonify, render_template
from flask_wtf.csrf import generate_csrf
from segno import make_qr
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms.validators import InputRequired

from app import auth, edge
from app.auth import confirmed, signed_in
from app.console import forms
from app.console.drawing import away, done
from app.console.sign_in import CodeForm, PasswordForm
from config import clock
from config.errors import NotFound
from config.tenancy import Forbidden
from matrix.staff import factors, passwords, people, sessions, signing
from matrix.staff.people import Staff
from matrix.staff.signing import Duty

blueprint = Blueprint("me", __name__, url_prefix="/console/me")
Answer = str | Response | tuple[str, int]


class OwnPasswordForm(PasswordForm):
    """The old password and a new one, twice."""

    old = PasswordField("原密码", [InputRequired("请填写原密码")])


def _me() -> Staff:
    """The row of who is signed in, in this unit of work."""
    return people.get(auth.current().staff.id)


@blueprint.get("/")
@signed_in
def index() -> str:
    """Who I am here, and where I am signed in."""
    visitor, now = auth.current(), clock.now()
    return render_template(
        "console/me/index.html",
        sessions=sessions.living(visitor.staff.id, now=now),
        codes_left=factors.codes_left(visitor.staff.id),
        password_until=passwords.expires_at(visitor.staff),
    )


@blueprint.get("/here")
@signed_in
def here() -> Response:
    """Who is signed in, and the token for their forms: asked by a page that stood open for long."""
    return jsonify(staff=str(auth.current().staff.id), token=generate_csrf())


@blueprint.route("/password", methods=["GET", "POST"])
@signed_in
def password() -> Answer:
    """Replace the password."""
    visitor, form = auth.current(), OwnPasswordForm()
    if form.validate_on_submit() and form.is_same():
        with forms.blaming(form, "password"):
            edge.keep()
            if not signing.change_password(
                _me(),
                form.old.data or "",
                form.password.data or "",
                keep=visitor.session.id,
                origin=auth.origin(),
                now=clock.now(),
            ):
                form.old.errors = ["原密码不正确"]
    if not form.is_submitted() or form.is_refused:
        is_due = visitor.duty is Duty.NEW_PASSWORD
        page = render_template("console/me/password.html", form=form, is_due=is_due)
        return (page, 422) if form.is_submitted() else page
    done("密码已修改，其他设备上的登录已结束。")
    return away("home.index")


@blueprint.route("/second-factor", methods=["GET", "POST"])
@signed_in
def second_factor() -> Answer:
    """Set the second factor up: scan, and prove it by a first code."""
    person, form = _me(), CodeForm()
    if person.has_second_factor:
        return away("me.index")
    if person.totp_secret is None and not form.is_submitted():
        return render_template("console/me/second_factor_begin.html")
    if form.validate_on_submit():
        with forms.blaming(form, "code"):
            codes = factors.prove(person, form.code.data or "", now=clock.now())
            # rights have grown with the factor: the session gets a new id
            auth.enter(signing.rise(auth.current().session, auth.origin(), now=clock.now()))
            return render_template("console/me/codes.html", codes=codes, is_new=True)
    picture = make_qr(factors.address(person)).svg_data_uri(scale=5, border=2)
    page = render_template(
        "console/me/second_factor.html", form=form, picture=picture, secret=person.totp_secret
    )
    return (page, 422) if form.is_submitted() else page


@blueprint.post("/second-factor/begin")
@signed_in
def begin_second_factor() -> Answer:
    """Make the secret that is to be scanned."""
    person = _me()
    if not person.has_second_factor:
        factors.begin(person)
    return away("me.second_factor")


@blueprint.post("/codes")
@signed_in
@confirmed
def renew_codes() -> Answer:
    """New recovery codes; the old ones count no more."""
    person, duty = _me(), auth.current().duty
    if duty is not None or not person.has_second_factor:
        raise Forbidden(duty=duty)
    return render_template("console/me/codes.html", codes=factors.renew_codes(person))


@blueprint.post("/sessions/<int:session_id>/end")
@signed_in
def end_session(session_id: int) -> Answer:
    """End one of my sign-ins."""
    visitor, now = auth.current(), clock.now()
    if session_id not in {each.id for each in sessions.living(visitor.staff.id, now=now)}:
        raise NotFound(kind="session", id=session_id)
    sessions.end(session_id, why="本人结束", now=now)
    done("该处登录已结束。")
    return away("me.index")
