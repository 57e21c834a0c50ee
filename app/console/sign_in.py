"""Signing in and out, and the one-time links that set a first or a new password."""

from flask import Blueprint, g, redirect, render_template
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from app import auth, edge
from app.auth import public, signed_in
from app.console import forms
from app.console.drawing import away, done
from config import clock
from matrix.staff import links, passwords, people, sessions, signing
from matrix.staff.links import Purpose
from matrix.staff.sessions import Stage

blueprint = Blueprint("sign_in", __name__, url_prefix="/console")

WRONG = "登录名或密码不正确。"
WRONG_CODE = "验证码不正确。"


class SignInForm(forms.Form):
    """Name and password."""

    name = StringField("登录名", [InputRequired("请填写登录名"), Length(max=64)])
    password = PasswordField("密码", [InputRequired("请填写密码"), Length(max=passwords.LONGEST)])


class CodeForm(forms.Form):
    """A code of the authenticator, or a recovery code."""

    code = StringField("验证码", [InputRequired("请填写验证码"), Length(max=32)])


class PasswordForm(forms.Form):
    """A new password, twice."""

    password = PasswordField("新密码", [InputRequired("请填写新密码")])
    again = PasswordField("再输一次", [InputRequired("请再输一次")])

    def is_same(self) -> bool:
        """Whether both are the same; says so at the field when not."""
        if self.password.data != self.again.data:
            self.again.errors = ["两次输入不一致"]
        return not self.again.errors


class FirstForm(PasswordForm):
    """The first administrator."""

    sign_in_name = StringField("登录名", [InputRequired("请填写登录名"), Length(max=32)])
    name = StringField("姓名", [InputRequired("请填写姓名"), Length(max=people.LONGEST_NAME)])


Answer = str | Response | tuple[str, int]


@blueprint.route("/sign-in", methods=["GET", "POST"])
@public
def index() -> Answer:
    """Name and password."""
    form = SignInForm()
    if g.visitor is not None:
        return redirect(auth.next_page())
    if not form.validate_on_submit():
        return _page("index", form)
    entered = None
    with forms.blaming(form):
        edge.keep()  # a failure is counted although it is refused
        entered = signing.sign_in(
            form.name.data or "", form.password.data or "", auth.origin(), now=clock.now()
        )
        if entered is None:
            form.form_errors.append(WRONG)
    if entered is None:
        return _page("index", form)
    next_page = auth.next_page()
    auth.enter(entered.secret)
    if entered.stage is Stage.HALF:
        return away("sign_in.code", next=next_page)
    return redirect(next_page, 303)


@blueprint.route("/sign-in/code", methods=["GET", "POST"])
@public
def code() -> Answer:
    """The second factor."""
    form = CodeForm()
    if g.half is None:
        return away("sign_in.index")
    if not form.validate_on_submit():
        return _page("code", form)
    entered = None
    with forms.blaming(form):
        edge.keep()
        entered = signing.second_factor(
            g.half, form.code.data or "", auth.origin(), now=clock.now()
        )
        if entered is None:
            form.code.errors = [WRONG_CODE]
    if entered is None:
        return _page("code", form)
    auth.enter(entered.secret)
    return redirect(auth.next_page(), 303)


@blueprint.post("/sign-out")
@signed_in
def leave() -> Answer:
    """End this session on the server."""
    sessions.end(auth.current().session.id, why="退出登录", now=clock.now())
    auth.leave()
    return away("sign_in.index")


@blueprint.route("/links/<secret>", methods=["GET", "POST"])
@public
def link(secret: str) -> Answer:
    """Set a password by a one-time link."""
    now = clock.now()
    found = links.find(secret, now=now)
    if found.purpose is Purpose.FIRST:
        return _first(found)
    form = PasswordForm()
    if form.validate_on_submit() and form.is_same():
        with forms.blaming(form, "password"):
            signing.use_link(found, form.password.data or "", now=now)
    if not form.is_submitted() or form.is_refused:
        return _page("password", form)
    auth.leave()
    done("密码已设置，请登录。")
    return away("sign_in.index")


def _first(found: links.Link) -> Answer:
    form = FirstForm()
    if form.validate_on_submit() and form.is_same():
        with forms.blaming(form, "password"):
            signing.first_administrator(
                found,
                sign_in_name=form.sign_in_name.data or "",
                name=form.name.data or "",
                password=form.password.data or "",
                now=clock.now(),
            )
    if not form.is_submitted() or form.is_refused:
        return _page("first", form)
    auth.leave()
    done("矩阵管理员已创建，请登录。")
    return away("sign_in.index")


def _page(name: str, form: forms.Form) -> Answer:
    page = render_template(f"console/sign_in/{name}.html", form=form)
    return (page, 422) if form.is_submitted() else page
