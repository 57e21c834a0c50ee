"""The catalogue: guides are written, found, and suggested."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from config import audit, cache_versions
from config.database import session
from config.errors import Invalid, NotFound
from matrix import departments
from services import catalogue
from services.catalogue import GuideCard, GuideFacts, GuideSpec, GuideState


@pytest.fixture
def draft(rolled_back: None, now: datetime) -> Callable[..., GuideSpec]:
    """A draft of a department, with what the test says."""
    department = departments.create(slug="police", name="公安局", kind="", now=now)

    def made(**said: object) -> GuideSpec:
        usual: dict[str, object] = {
            "slug": "svc-id-card",
            "department_id": department.id,
            "name": "身份证补领",
            "body": {"materials": [{"name": "户口簿"}]},
            "keywords": ["身份证", "补领"],
            "review_by": date(2027, 1, 31),
        }
        return GuideSpec(**{**usual, **said})  # type: ignore[arg-type]  # the test says what it wants

    return made


def entries() -> list[str]:
    rows = select(audit.AuditEntry.action).where(audit.AuditEntry.object_kind == "guide")
    return list(session.scalars(rows.order_by(audit.AuditEntry.id)))


def test_a_guide_is_written_once_and_found_by_its_code(
    draft: Callable[..., GuideSpec], now: datetime
) -> None:
    written = catalogue.upsert(draft(), now=now)
    assert catalogue.get("svc-id-card") is written
    assert written.body == {"materials": [{"name": "户口簿"}]}
    assert cache_versions.current()["guides"] == 1

    catalogue.upsert(draft(), now=now + timedelta(days=1))
    assert entries() == ["guide.save"]
    assert cache_versions.current()["guides"] == 1
    assert written.created_at == now


def test_a_change_is_told_with_before_and_after(
    draft: Callable[..., GuideSpec], now: datetime
) -> None:
    catalogue.upsert(draft(), now=now)
    catalogue.upsert(draft(name="身份证换领", body={"place": "窗口"}), now=now)
    entry = session.scalars(select(audit.AuditEntry).order_by(audit.AuditEntry.id.desc())).first()
    assert entry is not None
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["name"], entry.after["name"]) == ("身份证补领", "身份证换领")
    assert entry.after["body"] == {"place": "窗口"}
    assert cache_versions.current()["guides"] == 2


def test_cards_are_the_guides_that_citizens_are_shown(
    draft: Callable[..., GuideSpec], now: datetime
) -> None:
    shown = catalogue.upsert(draft(), now=now)
    catalogue.upsert(draft(slug="svc-old", state=GuideState.WITHDRAWN), now=now)
    assert catalogue.list_cards() == (
        GuideCard("svc-id-card", "身份证补领", shown.department_id, ("身份证", "补领")),
    )
    assert [guide.slug for guide in catalogue.list_all()] == ["svc-id-card", "svc-old"]


@pytest.mark.parametrize(
    ("said", "field"),
    [({"slug": " "}, "id"), ({"slug": "x" * 65}, "id"), ({"name": ""}, "name")],
)
def test_a_guide_without_code_or_name_is_refused(
    draft: Callable[..., GuideSpec], now: datetime, said: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        catalogue.upsert(draft(**said), now=now)
    assert refused.value.field == field
    assert catalogue.list_all() == []


def test_an_unknown_guide_is_not_found(rolled_back: None) -> None:
    with pytest.raises(NotFound):
        catalogue.get("nowhere")


@pytest.mark.parametrize(
    ("body", "facts"),
    [
        ({}, {}),
        ({"fee": {"charge": True, "desc": "补领 40 元"}}, {"fee": "补领 40 元"}),
        ({"fee": {"charge": False}}, {"fee": "免费"}),
        ({"fee": {"charge": True}}, {"fee": "收费，以窗口公示为准"}),
        ({"promised_days": 20}, {"duration": "20 个工作日"}),
        ({"promised_days": 0}, {"duration": "当场办结"}),
        ({"promised_days": "当天"}, {}),
        (
            {"materials": [{"name": "户口簿"}, {"form": "原件"}, {"name": "照片"}]},
            {"materials": "户口簿、照片"},
        ),
        (
            {"place": "窗口", "phone": "0913-1", "hours": "工作日"},
            {"place": "窗口", "phone": "0913-1", "hours": "工作日"},
        ),
    ],
)
def test_a_guides_facts_are_short_texts(
    draft: Callable[..., GuideSpec], now: datetime, body: dict[str, object], facts: dict[str, str]
) -> None:
    written = catalogue.upsert(draft(body=body), now=now)
    catalogue.upsert(draft(slug="svc-old", state=GuideState.WITHDRAWN), now=now)

    assert catalogue.list_facts() == {
        "svc-id-card": GuideFacts("svc-id-card", "身份证补领", written.department_id, **facts)
    }
