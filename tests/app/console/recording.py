"""Every page of the console, opened once in a run by the city's administrator and written down.

Many tests assert on the same pages; what they need of them stands here.
"""

from dataclasses import dataclass

from sqlalchemy import select

from app import models
from config.database import read_only, session
from tests.helpers.console import Console
from tests.helpers.route_samples import Samples


@dataclass(frozen=True)
class Page:
    """What a path answered to GET. `text` is empty when it was no HTML."""

    route: str
    path: str
    status: int
    headers: dict[str, str]
    mimetype: str
    text: str

    @property
    def is_html(self) -> bool:
        """Whether a browser shows it as a page or a part of one."""
        return self.mimetype == "text/html"


@dataclass(frozen=True)
class Recording:
    """The pages in the order of their routes; `changed` names the tables that differ since."""

    pages: tuple[Page, ...]
    changed: tuple[str, ...]


def record(console: Console, samples: Samples) -> Recording:
    """Open every page, with samples of the police."""
    client = console.client()
    before = contents()
    pages = []
    for visit in samples.visits("police"):
        if visit.is_read:
            answer = client.get(visit.path)
            text = answer.text if answer.mimetype == "text/html" else ""
            headers = dict(answer.headers)
            pages.append(
                Page(
                    visit.rule.rule, visit.path, answer.status_code, headers, answer.mimetype, text
                )
            )
    return Recording(tuple(pages), tuple(differences(before, contents())))


Contents = dict[str, list[tuple[object, ...]]]


def contents() -> Contents:
    """Everything the database holds."""
    with read_only():
        return {
            table.name: [tuple(row) for row in session.execute(select(table)).all()]
            for table in models.metadata.sorted_tables
        }


def differences(before: Contents, after: Contents) -> list[str]:
    """The tables that do not hold the same rows."""
    return [name for name, rows in before.items() if rows != after[name]]
