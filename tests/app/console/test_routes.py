"""All routes, walked: whose things they show, to whom, by which methods, with which headers.

A route that is new is walked by itself; what its path names must stand in fixtures/samples.py.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from sqlalchemy import select

from app import models
from config import settings
from config.database import read_only, session
from matrix.staff.roles import ROLE_PERMISSIONS, Role
from tests.helpers.console import Client, Console
from tests.helpers.route_samples import LITERALS, NOT_DEPARTMENT_SCOPED, Visit, list_visits
from tests.helpers.source_tree import format_findings

OF_STAFF = [role.value for role in Role if role is not Role.MATRIX_ADMIN]
_NONCE = re.compile(r"'nonce-([\w-]+)'")


def responses_of(client: Client, visit: Visit) -> Iterator[tuple[str, int]]:
    """What each method of a route answers: its name and the status."""
    if visit.is_read:
        yield "GET", client.get(visit.path).status_code
    for method in visit.write_methods:
        assert method == "POST", f"{visit.rule.rule}: forms know GET and POST only"
        yield method, client.post(visit.path).status_code


def test_the_things_of_another_department_are_not_there(console: Console) -> None:
    """The administrator of the police has every right there, and nothing at hrss."""
    client = console.client("department_admin", "police")
    found = [
        f"{method} {visit.path}: {status}"
        for visit in list_visits(console, "hrss")
        if visit.has_owned_object and visit.permission_check != "public"
        for method, status in responses_of(client, visit)
        if status != 404
    ]
    assert not found, "get the thing by its access_ door before all else:" + format_findings(found)


def test_one_account_opens_nothing_of_another(console: Console) -> None:
    """Who has a role at one account of the police is a stranger to the rest of the police."""
    client = console.client("department_admin", "release", account="hrss")
    found = [
        f"{method} {visit.path}: {status}"
        for visit in list_visits(console, "police")
        if visit.has_owned_object and visit.permission_check != "public"
        for method, status in responses_of(client, visit)
        if status not in (403, 404)
    ]
    assert not found, format_findings(found)


@pytest.mark.parametrize("role", OF_STAFF)
def test_a_role_opens_what_its_rights_say_and_no_more(console: Console, role: str) -> None:
    client = console.client(role, "police")
    rights = ROLE_PERMISSIONS[Role(role)]
    wrong = []
    for visit in list_visits(console, "police"):
        if not isinstance(visit.permission_check, tuple):
            continue
        may = bool(rights & set(visit.permission_check))
        for method, status in responses_of(client, visit) if not may else _read(client, visit):
            is_open = status not in (403, 404) and status < 500
            if is_open is not may:
                wrong.append(f"{method} {visit.path} of {role}: {status}")
    assert not wrong, format_findings(wrong)


def _read(client: Client, visit: Visit) -> Iterator[tuple[str, int]]:
    # what may be done is not done here, and the files of a thing may not be there yet
    if visit.is_read and not visit.rule.arguments & {*NOT_DEPARTMENT_SCOPED, *LITERALS}:
        yield "GET", client.get(visit.path).status_code


def test_anonymous_visitors_are_sent_to_sign_in(console: Console) -> None:
    stranger = console.anonymous()
    wrong = [
        f"{method} {visit.path}: {status}"
        for visit in list_visits(console, "police")
        if visit.permission_check != "public"
        for method, status in responses_of(stranger, visit)
        if status != 302
    ]
    assert not wrong, format_findings(wrong)


def test_no_action_is_done_without_the_forms_token(console: Console) -> None:
    client = console.client()
    wrong = []
    for visit in list_visits(console, "police"):
        for method in visit.write_methods:
            before = contents()
            answer = client.flask.open(visit.path, method=method, data={"csrf_token": "guessed"})
            if answer.status_code != 400 or contents() != before:
                wrong.append(f"{method} {visit.path}: {answer.status_code}")
    assert not wrong, format_findings(wrong)


def test_every_action_outside_of_the_console_is_known(console: Console) -> None:
    deeds = {
        rule.rule
        for rule in console.app.url_map.iter_rules()
        if not rule.rule.startswith("/console")
        and (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}
    }
    assert deeds == {"/csp-report"}, "it needs a token or a reason why not"


def test_opening_a_page_changes_nothing(console: Console) -> None:
    client = console.client()
    changed = []
    for visit in list_visits(console, "police"):
        if visit.is_read:
            before = contents()
            client.get(visit.path)
            if contents() != before:
                changed.append(visit.path)
    assert not changed, format_findings(changed)


def contents() -> dict[str, list[tuple[object, ...]]]:
    """Everything the database holds."""
    with read_only():
        return {
            table.name: [tuple(row) for row in session.execute(select(table)).all()]
            for table in models.metadata.sorted_tables
        }


@pytest.mark.parametrize("address", ["http://127.0.0.1", "https://hub.example"])
def test_every_page_carries_the_headers(
    console: Console, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_URL", address)
    settings.reset()
    client, nonces = console.client(), []
    for visit in list_visits(console, "police"):
        if not visit.is_read:
            continue
        answer = client.get(visit.path)
        headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy, visit.path
        assert "default-src 'none'" in policy
        if answer.mimetype == "text/html":
            assert "frame-ancestors 'none'" in policy
            nonces.append(_NONCE.findall(policy)[0])
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        hsts = headers.get("Strict-Transport-Security", "")
        assert hsts.startswith("max-age=31536000") is address.startswith("https"), visit.path
    assert len(set(nonces)) == len(nonces), "a nonce is for one answer"
    monkeypatch.undo()
    settings.reset()


class _Inline(HTMLParser):
    """Finds what the policy would not let run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "style") and not given.get("src") and not given.get("nonce"):
            self.found.append(f"<{tag}> without a nonce")
        for name, value in given.items():
            if name == "style" or name.startswith("on"):
                self.found.append(f"{tag} {name}={value!r}")
            if name in ("href", "src", "action") and (value or "").startswith("javascript:"):
                self.found.append(f"{tag} {name}={value!r}")


def test_no_page_has_scripts_or_styles_inside(console: Console) -> None:
    client, found = console.client(), []
    for visit in list_visits(console, "police"):
        if visit.is_read and (answer := client.get(visit.path)).mimetype == "text/html":
            reader = _Inline()
            reader.feed(answer.text)
            found += [f"{visit.path}: {line}" for line in reader.found]
    assert not found, format_findings(found)


class _Names(HTMLParser):
    """Finds what a reader who cannot see the page would not be told, or told wrongly."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: list[str] = []
        self.labelled: list[str] = []
        self._fields: list[tuple[str, str]] = []
        self._inside_label = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        words = f"{tag} {given}"
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "label":
            self._inside_label += 1
            self.labelled.append(given.get("for", ""))
        if "None" in given.values():
            self.found.append(f"a value that is none: {words}")
        if tag == "img" and "alt" not in given:
            self.found.append(f"no words for a picture: {words}")
        is_named = "aria-label" in given or "aria-labelledby" in given or self._inside_label
        is_field = tag in ("select", "textarea") or tag == "input"
        if is_field and given.get("type") not in ("hidden", "submit", "button") and not is_named:
            self._fields.append((given.get("id", ""), words))

    def handle_endtag(self, tag: str) -> None:
        self._inside_label -= tag == "label"

    def all_found(self) -> list[str]:
        unnamed = [words for key, words in self._fields if key not in self.labelled]
        twice = {key for key in self.labelled if self.ids.count(key) > 1}
        return [
            *self.found,
            *(f"no label: {words}" for words in unnamed),
            *(f"a label of two: {key}" for key in twice),
        ]


def test_every_field_and_picture_has_its_own_name(console: Console) -> None:
    client, found = console.client(), []
    for visit in list_visits(console, "police"):
        if visit.is_read and (answer := client.get(visit.path)).mimetype == "text/html":
            reader = _Names()
            reader.feed(answer.text)
            found += [f"{visit.path}: {line}" for line in reader.all_found()]
    assert not found, format_findings(found)


@pytest.mark.parametrize("number", [0, 2**31 - 1, 2**31, 2**63, 10**40])
def test_a_number_that_is_nobodys_is_not_there(console: Console, number: int) -> None:
    client, wrong = console.client(), []
    for visit in list_visits(console, "police"):
        parts = visit.rule.rule.split("/")
        if visit.permission_check == "public" or not any("<int:" in part for part in parts):
            continue
        path = re.sub(r"<int:\w+>", str(number), visit.rule.rule)
        path = re.sub(r"<\w+>", "x", path)
        wrong += [
            f"{method} {path}: {status}"
            for method, status in responses_of(
                client, Visit(visit.rule, path, visit.permission_check)
            )
            if status not in (404, 405)
        ]
    assert not wrong, format_findings(wrong)


class _Fields(HTMLParser):
    """The names of what a page's forms and links ask for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("input", "select", "textarea") and given.get("name"):
            self.names.add(given["name"] or "")
        for name in ("href", "hx-get"):
            self.names |= set(re.findall(r"[?&](\w+)=", given.get(name) or ""))


ODD_VALUES = (
    "'",
    "%00",
    "%",
    "_%25",
    "-1",
    "9" * 40,
    "0x10",
    "1e999",
    "NaN",
    "2026-13-45",
    "0001-01-01",
    "9999-12-31",
    "%F0%9F%98%80" * 300,
    "%ED%A0%80",
    "<script>x</script>",
    "../../etc/passwd",
    "{{7*7}}",
    "a&a=b",
)
# each of these alone as well: where several fields are wrong, one may hide another
HOSTILE_VALUES = ("'", "9" * 40, "0001-01-01")


@pytest.mark.timeout(400)
def test_no_filter_value_breaks_a_page(console: Console) -> None:
    client, wrong = console.client(), []
    for visit in list_visits(console, "police"):
        if not visit.is_read:
            continue
        reader = _Fields()
        page = client.get(visit.path)
        if page.mimetype == "text/html":
            reader.feed(page.text)
        names = sorted(reader.names)
        together = [*names, "page", "before", "after", "q", "sort", "next"]
        asked = ["&".join(f"{name}={value}" for name in together) for value in ODD_VALUES]
        asked += [f"{name}={value}" for name in names for value in HOSTILE_VALUES]
        for query in asked:
            answer = client.get(f"{visit.path}?{query}")
            if answer.status_code >= 500 or b"<script>x</script>" in answer.data:
                wrong.append(f"{visit.path}?{query[:60]}: {answer.status_code}")
    assert not wrong, format_findings(wrong)


@pytest.mark.timeout(400)
def test_no_form_value_breaks_a_page(console: Console) -> None:
    client, wrong = console.client(), []
    deeds = [visit for visit in list_visits(console, "police") if visit.write_methods]
    reader = _Fields()
    for visit in deeds:
        if visit.is_read and (page := client.get(visit.path)).mimetype == "text/html":
            reader.feed(page.text)
    names = reader.names - {"csrf_token", "confirm_proof"}
    for visit in deeds:
        for value in ("", "\0", "'", "9" * 40, "-1", "9999-12-31", "\U0001f600" * 3000, "\ud800"):
            form = dict.fromkeys(names, value.encode("utf-8", "surrogatepass"))
            status = client.post(visit.path, form).status_code
            if status >= 500:
                wrong.append(f"{visit.path} {value[:10]!r}: {status}")
            if status in (302, 303):  # signed out by what was done
                client = console.client()
    assert not wrong, format_findings(wrong)
