"""What the tests of the pages of rules share: a form as a browser sends it, and what a rule is."""

import re
from typing import Any

from werkzeug.test import TestResponse

from app import snapshots
from config.database import read_only
from keywords.rules import store, versions
from tests.helpers.console import Client


def rule_id(code: str = "police.id_card") -> int:
    with read_only():
        row = store.find_by_slug(code)
        assert row is not None
        return row.id


def rule_form(owner: int | str, **changed: Any) -> dict[str, Any]:
    """What a browser sends of the form."""
    key = owner if isinstance(owner, str) else f"d{owner}"
    return {
        "name": "居住证",
        "owner": key,
        "scope": "local",
        "keywords-0-text": "居住证",
        "keywords-0-mode": "text.contains",
        "replies-0-type": "text",
        "replies-0-content": "请到派出所。",
        "choice": "first",
        "priority": "50",
        "days": "any",
        "then": "keep",
        **changed,
    }


def newest_version(rule: int) -> versions.RuleVersion:
    with read_only():
        found = versions.find_newest(rule)
        assert found is not None
        return found


def sample_report(client: Client, version_id: int) -> str:
    """The signed report that the review page gets from its sample check; empty without one."""
    snapshots.refresh()
    page = client.get(f"/console/rules/versions/{version_id}/samples").text
    found = re.search(r'name="report" value="([^"]+)"', page)
    return found[1] if found else ""


def decide(client: Client, version: versions.RuleVersion, step: str, **said: str) -> TestResponse:
    """What the review page sends: the hash it showed, and the report of its sample check."""
    data = {"sha256": version.sha256, "report": sample_report(client, version.id), **said}
    return client.post(f"/console/rules/versions/{version.id}/{step}", data)


def assert_rejected(answer: TestResponse, *said: str) -> None:
    assert answer.status_code == 422
    for text in said:
        assert text in answer.text
