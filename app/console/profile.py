"""The signed-in person's own account: password, second factor, sessions."""

from flask import Blueprint, jsonify, render_template
from flask_wtf.csrf import generate_csrf
from segno import make_qr
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms.validators import InputRequired

from app.console import forms
from app.console.responses import ViewResult, flash_success, redirect_to
from app.console.sign_in import NewPasswordForm, OneTimeCodeForm
from app.web import auth, unit_of_work
from app.web.auth import requires_confirmation, requires_sign_in
from config import clock
from config.errors import NotFound
from config.permissions import Forbidden
from matrix.staff import members
from matrix.staff.members import Staff
from matrix.staff.sign_in import authentication, passwords, sessions, two_factor
from matrix.staff.sign_in.authentication import RequiredAction

blueprint = Blueprint("profile", __name__, url_prefix="/console/me")


class ChangePasswordForm(NewPasswordForm):
    """The current password, and a new one twice."""

    old = PasswordField("原密码", [InputRequired("请填写原密码")])


def _own_staff_row() -> Staff:
    """The signed-in person's row, loaded in this request's transaction."""
    return members.get(auth.current().staff.id)


@blueprint.get("/")
@requires_sign_in
def index() -> str:
    """The ways of signing in, and the active sessions."""
    current_staff, now = auth.current(), clock.now()
    return render_template(
        "console/profile/index.html",
        sessions=sessions.list_active(current_staff.staff.id, now=now),
        recovery_codes_left=two_factor.count_recovery_codes(current_staff.staff.id),
        password_expires_at=passwords.expires_at(current_staff.staff),
    )


@blueprint.get("/here")
@requires_sign_in
def session_info() -> Response:
    """JSON `{staff, token}`: the id of the signed-in person and a fresh CSRF token.

    session.js asks for it when a page was open for so long that its session may have ended.
    """
    # the id as well, because somebody else may have signed in in another tab
    return jsonify(staff=str(auth.current().staff.id), token=generate_csrf())


@blueprint.route("/password", methods=["GET", "POST"])
@requires_sign_in
def password() -> ViewResult:
    """Change the password; all other sessions end."""
    current_staff, form = auth.current(), ChangePasswordForm()
    if form.validate_on_submit() and form.passwords_match():
        with forms.errors_on(form, "password"):
            # a wrong password is counted although the form is refused
            unit_of_work.commit_despite_error()
            if not authentication.change_password(
                _own_staff_row(),
                form.old.data or "",
                form.password.data or "",
                keep_session_id=current_staff.session.id,
                origin=auth.origin(),
                now=clock.now(),
            ):
                form.old.errors = ["原密码不正确"]
    if not form.is_submitted() or form.is_refused:
        is_expired = current_staff.required_action is RequiredAction.NEW_PASSWORD
        page = render_template("console/profile/password.html", form=form, is_expired=is_expired)
        return (page, 422) if form.is_submitted() else page
    flash_success("密码已修改，其他设备上的登录已结束。")
    return redirect_to("home.index")


@blueprint.route("/second-factor", methods=["GET", "POST"])
@requires_sign_in
def set_up_two_factor() -> ViewResult:
    """Set up the second factor: scan the QR code and confirm it by a first code.

    Asks for the password first (`start_two_factor`). All other sessions end.
    """
    # the guard loaded the person in a transaction of its own that has ended
    person, form = _own_staff_row(), OneTimeCodeForm()
    if person.has_second_factor:
        return redirect_to("profile.index")
    # whoever finds an open page must neither see the secret nor set up a phone of their own
    is_confirmed = auth.current().session.is_recently_confirmed(now=clock.now())
    if person.totp_secret is None or not is_confirmed:
        page = render_template("console/profile/two_factor_start.html")
        return (page, 403) if form.is_submitted() else page
    if form.validate_on_submit():
        with forms.errors_on(form, "code"):
            codes = two_factor.confirm(
                person,
                form.code.data or "",
                now=clock.now(),
                keep_session_id=auth.current().session.id,
            )
            # permissions grow with the second factor: a new id prevents session fixation
            auth.start_session(
                authentication.rotate_session(
                    auth.current().session, auth.origin(), now=clock.now()
                )
            )
            return render_template(
                "console/profile/recovery_codes.html", recovery_codes=codes, is_new=True
            )
    # Inside the page and not under an address of its own, where logs and
    # caches would see the secret. It goes with the page, which is not stored.
    qr_image = make_qr(two_factor.provisioning_uri(person)).svg_data_uri(scale=5, border=2)
    page = render_template(
        "console/profile/two_factor.html", form=form, qr_image=qr_image, secret=person.totp_secret
    )
    return (page, 422) if form.is_submitted() else page


@blueprint.post("/second-factor/begin")
@requires_sign_in
@requires_confirmation
def start_two_factor() -> ViewResult:
    """Make the secret for the QR code."""
    person = _own_staff_row()
    if not person.has_second_factor:
        # never for one in use: whoever finds an open page could replace it by their own
        two_factor.enroll(person)
    return redirect_to("profile.set_up_two_factor")


@blueprint.post("/codes")
@requires_sign_in
@requires_confirmation
def renew_recovery_codes() -> ViewResult:
    """Make new recovery codes; the old ones become invalid."""
    person, required_action = _own_staff_row(), auth.current().required_action
    if required_action is not None or not person.has_second_factor:
        raise Forbidden(duty=required_action)
    return render_template(
        "console/profile/recovery_codes.html",
        recovery_codes=two_factor.regenerate_recovery_codes(person),
        is_new=False,
    )


@blueprint.post("/sessions/<int:session_id>/end")
@requires_sign_in
def end_session(session_id: int) -> ViewResult:
    """End one of the person's own sessions."""
    current_staff, now = auth.current(), clock.now()
    # 404 for sessions of others, which must not be told apart from none
    if session_id not in {row.id for row in sessions.list_active(current_staff.staff.id, now=now)}:
        raise NotFound(kind="session", id=session_id)
    sessions.end(session_id, reason="本人结束", now=now)
    flash_success("该处登录已结束。")
    return redirect_to("profile.index")
