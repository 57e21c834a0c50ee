"""All routes, walked: whose things they show, to whom, by which methods, with which headers.

A route that is new is walked by itself; what its path names must stand in fixtures/samples.py.
Tests of what pages say assert on one visit of each (recording.py).
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from html.parser import HTMLParser
from itertools import cycle

import pytest
from werkzeug.test import TestResponse

from matrix.staff.roles import ROLE_PERMISSIONS, Role
from tests.app.console.conftest import Recorded
from tests.app.console.junk import OWN, Fields, sent
from tests.app.console.recording import Page, contents, differences
from tests.helpers.console import Client, Console
from tests.helpers.route_samples import LITERALS, NOT_DEPARTMENT_SCOPED, Samples, Visit
from tests.helpers.source_tree import format_findings

# Who may open what, and what the pages say, does not hang on the engine; what a page asks it does.
both_engines = pytest.mark.both_engines
# the stricter of the two: numbers, dates and NULs that SQLite stores are errors there
postgresql = pytest.mark.parametrize("database_server", ["postgresql"], indirect=True)

OF_STAFF = [role.value for role in Role if role is not Role.MATRIX_ADMIN]
_NONCE = re.compile(r"'nonce-([\w-]+)'")


def responses_of(client: Client, visit: Visit) -> Iterator[tuple[str, int]]:
    """What each method of a route answers: its name and the status."""
    if visit.is_read:
        yield "GET", client.get(visit.path).status_code
    for method in visit.write_methods:
        assert method == "POST", f"{visit.rule.rule}: forms know GET and POST only"
        yield method, client.post(visit.path).status_code


@both_engines
def test_the_things_of_another_department_are_not_there(
    console: Console, route_samples: Samples
) -> None:
    """The administrator of the police has every right there, and nothing at hrss."""
    client = console.client("department_admin", "police")
    found = [
        f"{method} {visit.path}: {status}"
        for visit in route_samples.visits("hrss")
        if visit.has_owned_object and visit.permission_check != "public"
        for method, status in responses_of(client, visit)
        if status != 404
    ]
    assert not found, "get the thing by its access_ door before all else:" + format_findings(found)


@both_engines
def test_one_account_opens_nothing_of_another(console: Console, route_samples: Samples) -> None:
    """Who has a role at one account of the police is a stranger to the rest of the police."""
    client = console.client("department_admin", "release", account="hrss")
    found = [
        f"{method} {visit.path}: {status}"
        for visit in route_samples.visits("police")
        if visit.has_owned_object and visit.permission_check != "public"
        for method, status in responses_of(client, visit)
        if status not in (403, 404)
    ]
    assert not found, format_findings(found)


@pytest.mark.parametrize("role", OF_STAFF)
def test_a_role_opens_what_its_rights_say_and_no_more(
    console: Console, route_samples: Samples, role: str
) -> None:
    client = console.client(role, "police")
    rights = ROLE_PERMISSIONS[Role(role)]
    wrong = []
    for visit in route_samples.visits("police"):
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


def test_anonymous_visitors_are_sent_to_sign_in(console: Console, route_samples: Samples) -> None:
    stranger = console.anonymous()
    wrong = [
        f"{method} {visit.path}: {status}"
        for visit in route_samples.visits("police")
        if visit.permission_check != "public"
        for method, status in responses_of(stranger, visit)
        if status != 302
    ]
    assert not wrong, format_findings(wrong)


def test_no_action_is_done_without_the_forms_token(
    console: Console, route_samples: Samples
) -> None:
    client = console.client()
    before, wrong = contents(), []
    for visit in route_samples.visits("police"):
        for method in visit.write_methods:
            answer = client.flask.open(visit.path, method=method, data={"csrf_token": "guessed"})
            if answer.status_code != 400:
                wrong.append(f"{method} {visit.path}: {answer.status_code}")
    assert not wrong, format_findings(wrong)
    assert not differences(before, contents())


def test_every_action_outside_of_the_console_is_known(console: Console) -> None:
    deeds = {
        rule.rule
        for rule in console.app.url_map.iter_rules()
        if not rule.rule.startswith("/console")
        and (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}
    }
    assert deeds == {"/csp-report"}, "it needs a token or a reason why not"


@both_engines
def test_opening_a_page_changes_nothing(recorded: Recorded) -> None:
    # a read is read-only for the engine too (tests/config/test_read_only.py): writing is an error
    seen = recorded()
    broken = [f"{page.path}: {page.status}" for page in seen.pages if page.status >= 500]
    assert not broken, format_findings(broken)
    assert not seen.changed, format_findings(seen.changed)


@pytest.mark.parametrize("address", ["http://127.0.0.1", "https://hub.example"])
def test_every_page_carries_the_headers(recorded: Recorded, address: str) -> None:
    nonces = []
    for page in recorded(address).pages:
        headers = page.headers
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy, page.path
        assert "default-src 'none'" in policy
        if page.is_html:
            assert "frame-ancestors 'none'" in policy
            nonces.append(_NONCE.findall(policy)[0])
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        hsts = headers.get("Strict-Transport-Security", "")
        assert hsts.startswith("max-age=31536000") is address.startswith("https"), page.path
    assert len(nonces) > 50
    assert len(set(nonces)) == len(nonces), "a nonce is for one answer"


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


def test_no_page_has_scripts_or_styles_inside(recorded: Recorded) -> None:
    found = []
    for page in recorded().pages:
        reader = _Inline()
        reader.feed(page.text)
        found += [f"{page.path}: {line}" for line in reader.found]
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


def test_every_field_and_picture_has_its_own_name(recorded: Recorded) -> None:
    found = []
    for page in recorded().pages:
        reader = _Names()
        reader.feed(page.text)
        found += [f"{page.path}: {line}" for line in reader.all_found()]
    assert not found, format_findings(found)


@postgresql
@pytest.mark.parametrize("number", [0, 2**31 - 1, 2**31, 2**63, 10**40])
def test_a_number_that_is_nobodys_is_not_there(
    console: Console, route_samples: Samples, number: int
) -> None:
    client, wrong = console.client(), []
    for visit in route_samples.visits("police"):
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


ODD_VALUES = (
    "%00",
    "'_%25%",
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
    "<script>x</script>../../etc/passwd{{7*7}}",
    "a&a=b",
)
# each of these alone as well: where several fields are wrong, one may hide another
HOSTILE_VALUES = ("'", "9" * 40, "0001-01-01")


@postgresql
@pytest.mark.timeout(400)
def test_no_filter_value_breaks_a_page(console: Console, recorded: Recorded) -> None:
    client = console.client()
    wrong = [
        f"{page.path} {query[:60]}: {answer.status_code}"
        for page in recorded().pages
        for query, answer in _filtered(console, client, page)
        if answer.status_code >= 500 or b"<script>x</script>" in answer.data
    ]
    assert not wrong, format_findings(wrong)


def _filtered(console: Console, client: Client, page: Page) -> Iterator[tuple[str, TestResponse]]:
    """Junk for what the page looks at: all together, and the worst alone.

    A page that looks at nothing gets all junk at once: it may still repeat its own address.
    """
    shown = Fields(page.text).names | {"page", "before", "after", "q", "sort", "next"}
    asked: set[str] = set()

    def send(value: str, names: list[str]) -> TestResponse:
        return client.get(page.path + "?" + "&".join(f"{name}={value}" for name in names))

    for value in ODD_VALUES:
        for answer in sent(console.app, asked, shown, partial(send, value)):
            yield value, answer
        if not asked:
            break
    for name in sorted(asked):
        for value in HOSTILE_VALUES:
            yield f"{name}={value}", send(value, [name])
    if not asked:
        query = "&".join(f"a{number}={value}" for number, value in enumerate(ODD_VALUES))
        yield query, client.get(f"{page.path}?{query}")


JUNK = ("", "'", "9" * 40, "-1", "9999-12-31", "\U0001f600" * 3000, "\ud800")


@postgresql
@pytest.mark.timeout(400)
def test_no_form_value_breaks_a_page(
    console: Console, route_samples: Samples, recorded: Recorded, start_over: Callable[[], None]
) -> None:
    shown = set().union(*(Fields(page.text).names for page in recorded().pages))
    wrong, may_have_changed = [], True
    for visit in route_samples.visits("police"):
        if visit.write_methods:
            if may_have_changed:
                start_over()
            answers = list(_filled_in(console, visit.path, shown))
            wrong += [
                f"{visit.path} {value[:10]!r}: {status}"
                for value, status in answers
                if status >= 500
            ]
            # a unit of work is committed below 400 only
            may_have_changed = any(status < 400 for _, status in answers)
    assert not wrong, format_findings(wrong)


def _filled_in(console: Console, path: str, shown: set[str]) -> Iterator[tuple[str, int]]:
    """Junk for the fields the deed looks at; where it looks at none, all junk at once."""
    asked: set[str] = set()
    client = console.client()

    def send(value: str, names: list[str]) -> TestResponse:
        nonlocal client
        answer = client.post(path, dict.fromkeys(names, *_encoded([value])))
        if answer.status_code in (302, 303):  # signed out by what was done
            client = console.client()
        return answer

    yield "NUL", client.post(path, {"any": "\0"}).status_code
    for value in JUNK:
        for answer in sent(console.app, asked, shown, partial(send, value)):
            yield value, answer.status_code
        if not asked:
            break
    if not asked:
        form = dict(zip(sorted(shown - OWN), cycle(_encoded(JUNK)), strict=False))
        yield "all", client.post(path, form).status_code


def _encoded(values: Iterable[str]) -> list[bytes]:
    return [value.encode("utf-8", "surrogatepass") for value in values]
