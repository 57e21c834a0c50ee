"""Scenes of the guide about alerts: the groups that are told, an alert, and who has it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from app.jobs import notifications
from config import clock, jobs, settings
from config.database import read_only, session
from config.jobs import Job, JobState
from tools.camera import Camera

_DINGTALK_SECRET = "SECsimulated0000000000000000000000000000"


@contextmanager
def _robots_allowed() -> Iterator[str]:
    """Lets the hub call the simulated robots; yields their origin."""
    origin = os.environ["WECHAT_API_URL"]
    os.environ["ROBOT_ORIGINS"] = origin
    settings.reset()
    yield origin
    del os.environ["ROBOT_ORIGINS"]
    settings.reset()


def _tell_people() -> None:
    """Plan and send now; `Camera.settle` does everything as of some minutes later."""
    notifications.request_due(now=clock.now())
    is_waiting = Job.name.startswith("notifications.") & (Job.state == JobState.WAITING)
    while True:
        with read_only():
            due = session.scalar(select(Job.id).where(is_waiting).limit(1))
        if due is None:
            return
        jobs.run(due, now=clock.now())


def choose_channels(camera: Camera) -> None:
    """Two groups, tried with a test message, and quiet hours."""
    page = camera.open("agent", "me/notifications/")
    with _robots_allowed() as origin:
        for kind, name, path, secret in (
            ("企业微信群机器人", "值班群", "cgi-bin/webhook/send?key=simulated-wecom-duty", ""),
            (
                "钉钉群机器人",
                "带班领导群",
                "robot/send?access_token=simulated-dingtalk-duty",
                _DINGTALK_SECRET,
            ),
        ):
            page.goto(f"{camera.hub.address}/console/me/notifications/channels/new")
            page.get_by_label("方式").select_option(label=kind)
            page.get_by_label("名称").fill(name)
            page.get_by_label("地址").fill(f"{origin}/{path}")
            page.get_by_label("加签密钥").fill(secret)
            page.get_by_role("button", name="添加并测试").click()
            page.get_by_text("已添加").wait_for()
        camera.settle()
    page.goto(f"{camera.hub.address}/console/me/notifications/")
    camera.take("notifications", page)


def show_alerts(camera: Camera) -> None:
    """A second danger, told to a group; the list, and one alert with who was told."""
    camera.receive("river", "西岳庙后面的河边有人落水了，快来救人，我的电话13800000000")
    with _robots_allowed():
        _tell_people()
    camera.settle()
    page = camera.open("agent", "alarms/")
    toast = page.locator(".alert-toast")
    toast.wait_for()
    toast.get_by_role("button", name="关闭").click()
    camera.take("alerts", page, until=page.locator("#alarms"), stays=True)
    page.locator("#alarms").get_by_role("link", name="落水").click()
    page.get_by_role("heading", name="市民原话").wait_for()
    camera.take("alert", page, until=page.locator("section.card").last)
