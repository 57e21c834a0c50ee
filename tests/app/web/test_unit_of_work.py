"""The edge of a request: what is kept, what is undone, and what a person reads when it breaks."""

import pytest
from flask import Blueprint
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError

from app import create_app
from app.console import site as console_site
from app.web import unit_of_work
from app.web.auth import public
from config import clock
from config.alerts import Alert, raise_alert
from config.database import read_only, session
from config.errors import Invalid, Temporary
from tests.helpers.console import Console
from tests.helpers.sample_names import SampleAlert

# how a unit of work ends is the engine's matter
pytestmark = pytest.mark.both_engines


def views() -> Blueprint:
    """Deeds that end in different ways, after each wrote something."""
    blueprint = Blueprint("ends", __name__, url_prefix="/console/ends")

    @blueprint.post("/<how>")
    @public
    def end(how: str) -> tuple[str, int]:
        raise_alert(SampleAlert.BROKEN, how, "写下", now=clock.now())
        match how:
            case "invalid":
                raise Invalid(field="name", problem="不好")
            case "temporary":
                raise Temporary(retry_after=7)
            case "twice":
                raise IntegrityError(None, None, Exception("uq"))
            case "away":
                raise OperationalError(None, None, Exception("gone"))
            case "broken":
                raise ZeroDivisionError
            case "kept":
                unit_of_work.commit_despite_error()
                return "refused", 422
            case "refused":
                return "refused", 422
        return "fine", 200

    return blueprint


@pytest.fixture
def probe_site(console: Console) -> Console:
    app = create_app()
    app.register_blueprint(console_site.protect(views()))
    return Console(app, console.hub)


def committed() -> list[str]:
    with read_only():
        return list(session.scalars(select(Alert.subject)))


@pytest.mark.parametrize(
    ("how", "status", "text"),
    [
        ("fine", 200, "fine"),
        ("refused", 422, "refused"),
        ("kept", 422, "refused"),
        ("invalid", 422, "不好"),
        ("temporary", 503, "系统繁忙"),
        ("twice", 409, "刚刚已经提交过"),
        ("away", 503, "系统繁忙"),
        ("broken", 500, "系统出错了"),
    ],
)
def test_an_answer_decides_what_is_kept_and_speaks_chinese(
    probe_site: Console, how: str, status: int, text: str
) -> None:
    answer = probe_site.anonymous().post(f"/console/ends/{how}")
    assert answer.status_code == status
    assert text in answer.text
    assert committed() == ([how] if how in ("fine", "kept") else [])
    assert "Traceback" not in answer.text
    if status >= 500:
        assert "请求编号" in answer.text


def test_a_partial_page_is_refused_in_plain_words(probe_site: Console) -> None:
    client = probe_site.anonymous()
    client.get("/console/sign-in")
    answer = client.post("/console/ends/invalid", headers={"HX-Request": "true"})
    assert answer.mimetype == "text/plain"
    assert answer.text == "name：不好"


def test_what_was_busy_says_when_to_come_again(probe_site: Console) -> None:
    assert probe_site.anonymous().post("/console/ends/temporary").headers["Retry-After"] == "7"
    assert probe_site.anonymous().post("/console/ends/away").headers["Retry-After"] == "5"
