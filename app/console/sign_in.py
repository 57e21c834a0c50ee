"""Signing in and out, and the one-time links that set a first or a new password."""

from flask import Blueprint, g, redirect, render_template
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from app.console import forms
from app.console.responses import ViewResult, flash_success, redirect_to
from app.web import auth, devices, unit_of_work
from app.web.auth import public, requires_sign_in
from app.web.sites import computed, computes_before
from config import clock
from config.database import transaction
from matrix.staff import members
from matrix.staff.sign_in import authentication, one_time_links, passwords, sessions, throttle
from matrix.staff.sign_in.authentication import PasswordCheck
from matrix.staff.sign_in.one_time_links import LinkPurpose
from matrix.staff.sign_in.sessions import SessionStage

blueprint = Blueprint("sign_in", __name__, url_prefix="/console")

# the same words for an unknown name and a wrong password, so that names cannot be found out
WRONG_CREDENTIALS = "登录名或密码不正确。"
WRONG_CODE = "验证码不正确。"


class SignInForm(forms.Form):
    """Sign-in name and password."""

    name = StringField("登录名", [InputRequired("请填写登录名"), Length(max=64)])
    password = PasswordField(
        "密码", [InputRequired("请填写密码"), Length(max=passwords.MAX_LENGTH)]
    )


class OneTimeCodeForm(forms.Form):
    """A code of the authenticator app, or a recovery code."""

    code = StringField("验证码", [InputRequired("请填写验证码"), Length(max=32)])


class NewPasswordForm(forms.Form):
    """A new password, twice."""

    password = PasswordField("新密码", [InputRequired("请填写新密码")])
    again = PasswordField("再输一次", [InputRequired("请再输一次")])

    def passwords_match(self) -> bool:
        """Whether both are the same; otherwise the second field gets an error."""
        if self.password.data != self.again.data:
            self.again.errors = ["两次输入不一致"]
        return not self.again.errors


class FirstAdministratorForm(NewPasswordForm):
    """The first administrator."""

    sign_in_name = StringField("登录名", [InputRequired("请填写登录名"), Length(max=32)])
    name = StringField("姓名", [InputRequired("请填写姓名"), Length(max=members.MAX_NAME_LENGTH)])


def _check_password() -> PasswordCheck | None:
    """Count the attempt and compare the password, with no transaction open meanwhile."""
    form = SignInForm()
    if g.current_staff is not None or not form.validate():
        return None
    name = form.name.data or ""
    with transaction():
        throttle.admit_sign_in(name, auth.origin(), now=clock.now())
        stored_hash = authentication.find_password_hash(name)
    return authentication.check_password(name, form.password.data or "", stored_hash=stored_hash)


@blueprint.route("/sign-in", methods=["GET", "POST"])
@public
@computes_before(_check_password)
def index() -> ViewResult:
    """Sign-in name and password."""
    form = SignInForm()
    if g.current_staff is not None:
        return redirect(auth.next_url())
    if not form.validate_on_submit():
        return _render("index", form)
    result = None
    with forms.errors_on(form):
        # a failed attempt is recorded although the answer is an error
        unit_of_work.commit_despite_error()
        result = authentication.sign_in(computed(), auth.origin(), now=clock.now())
        if result is None:
            form.form_errors.append(WRONG_CREDENTIALS)
    if result is None:
        return _render("index", form)
    # read before the session is renewed
    next_page = auth.next_url()
    auth.start_session(result.secret)
    if result.stage is SessionStage.HALF:
        return redirect_to("sign_in.two_factor", next=next_page)
    return devices.remember(redirect(next_page, 303), form.name.data or "")


@blueprint.route("/sign-in/code", methods=["GET", "POST"])
@public
def two_factor() -> ViewResult:
    """The second factor."""
    form = OneTimeCodeForm()
    # the half session of the right password is the only way here: its
    # row, not the form, says whose code it is
    if g.half is None:
        return redirect_to("sign_in.index")
    if not form.validate_on_submit():
        return _render("two_factor", form)
    result = None
    with forms.errors_on(form):
        unit_of_work.commit_despite_error()
        result = authentication.verify_second_factor(
            g.half, form.code.data or "", auth.origin(), now=clock.now()
        )
        if result is None:
            form.code.errors = [WRONG_CODE]
    if result is None:
        return _render("two_factor", form)
    name = members.get(g.half.staff_id).sign_in_name
    auth.start_session(result.secret)
    return devices.remember(redirect(auth.next_url(), 303), name)


@blueprint.post("/sign-out")
@requires_sign_in
def sign_out() -> ViewResult:
    """End this session on the server."""
    # in the database as well: a cookie that somebody copied must be
    # worthless afterwards (ASVS 7.4.1)
    sessions.end(auth.current().session.id, reason="退出登录", now=clock.now())
    auth.end_session()
    return redirect_to("sign_in.index")


@blueprint.route("/links/<secret>", methods=["GET", "POST"])
@public
def one_time_link(secret: str) -> ViewResult:
    """Set a password by a one-time link."""
    now = clock.now()
    # also at POST: the link may have been used or replaced while the page was open
    link_row = one_time_links.get(secret, now=now)
    if link_row.purpose is LinkPurpose.FIRST:
        return _create_first_administrator(link_row)
    form = NewPasswordForm()
    if form.validate_on_submit() and form.passwords_match():
        with forms.errors_on(form, "password"):
            authentication.set_password_by_link(link_row, form.password.data or "", now=now)
    if not form.is_submitted() or form.is_refused:
        return _render("password", form)
    # whoever was signed in in this browser need not be the person the link is for
    auth.end_session()
    flash_success("密码已设置，请登录。")
    return redirect_to("sign_in.index")


def _create_first_administrator(link_row: one_time_links.OneTimeLink) -> ViewResult:
    form = FirstAdministratorForm()
    if form.validate_on_submit() and form.passwords_match():
        with forms.errors_on(form, "password"):
            authentication.create_first_administrator(
                link_row,
                sign_in_name=form.sign_in_name.data or "",
                name=form.name.data or "",
                password=form.password.data or "",
                now=clock.now(),
            )
    if not form.is_submitted() or form.is_refused:
        return _render("first_administrator", form)
    auth.end_session()
    flash_success("矩阵管理员已创建，请登录。")
    return redirect_to("sign_in.index")


def _render(name: str, form: forms.Form) -> ViewResult:
    page = render_template(f"console/sign_in/{name}.html", form=form)
    return (page, 422) if form.is_submitted() else page
