"""What the tests of the dialogue share: a city with more in it, and a citizen who writes."""

from typing import Any

from sqlalchemy import select

from app import snapshots
from config import clock
from config.database import session, transaction
from keywords.rules import spec, store
from matrix import departments
from matrix.inbox import InboxMessage
from services import catalogue
from services.catalogue import GuideSpec
from tests.helpers import NOW
from tests.helpers.hub import Hub, PushResponse

ALWAYS_OPEN = {"weekday_am": "00:00-23:59", "weekend": "00:00-23:59"}


def rows() -> list[InboxMessage]:
    """All that came, the oldest first."""
    with transaction():
        return list(session.scalars(select(InboxMessage).order_by(InboxMessage.id)))


def describe(code: str, *, phone: str = "", **details: Any) -> None:
    """Give a department a phone and details, in use at once."""
    with transaction():
        row = departments.get_by_slug(code)
        departments.update(row.id, kind=row.kind, phone=phone, details=details)
    snapshots.refresh()


def found(code: str, name: str, *, phone: str = "", **details: Any) -> None:
    """Found a department without account and rules."""
    with transaction():
        departments.create(
            slug=code, name=name, kind="", phone=phone, details=details, now=clock.now()
        )
    snapshots.refresh()


def add_rule(code: str, slug: str, *keywords: str, text: str = "", **more: Any) -> None:
    """A live rule of a department, which says a text unless `more` has other replies."""
    shape: dict[str, Any] = {"id": slug, "name": slug, "department": code, "keywords": [*keywords]}
    if "replies" not in more:
        shape["reply"] = {"type": "text", "content": text}
    (rule_spec,) = spec.parse_rules([shape | more])
    with transaction():
        store.upsert(rule_spec, department_id=departments.get_by_slug(code).id, now=NOW)
    snapshots.refresh()


def add_guide(code: str, slug: str, **body: Any) -> None:
    """A guide of a department."""
    with transaction():
        owner = departments.get_by_slug(code).id
        catalogue.upsert(GuideSpec(slug, owner, "居民身份证补领", body), now=NOW)
    snapshots.refresh()


def say(hub: Hub, words: str, *, openid: str = "o1", to: str = "police", **more: Any) -> str:
    """The text that a citizen gets for some words; "" for silence."""
    return send(hub, hub.text(openid, words, to=to, **more), to=to).text or ""


def send(hub: Hub, xml: str, *, to: str = "police") -> PushResponse:
    """Push something that must be accepted."""
    answered = hub.push(to, xml)
    assert answered.status == 200
    return answered
