"""What every test stands on: a closed network, a known environment, and fixtures to ask for.

rolled_back     both engines, undone after the test            helpers/databases.py
own_database    both engines, a database for one test; with the city in it beside `hub`
redis_url       an empty Redis;  redis_server: one to kill     helpers/redis_server.py
enqueued        names of the jobs that were asked for          helpers/jobs.py
topic_encoder   a tiny sentence encoder; use_encoder: another  helpers/sentence_encoders.py
processes       web, worker, scheduler, simulator as they run  helpers/processes.py
page, phone     a real browser                                 helpers/browser.py
hub, console, site              accounts, staff who are signed in   helpers/hub.py, console.py
                (console: SQLite alone, both with the mark both_engines)
free_port, now
"""

import os
from collections.abc import Iterator
from datetime import datetime

import pytest

from config import settings
from tests.helpers import NOW

# In the order of their imports: pytest rewrites the assertions of a module only when it loads it
# itself, before another plugin has imported it.
pytest_plugins = [
    "tests.helpers.ports",
    "tests.helpers.redis_server",
    "tests.helpers.order",
    "tests.helpers.cheap_resources",
    "tests.helpers.jobs",
    "tests.helpers.sentence_encoders",
    "tests.helpers.wechat",
    "tests.helpers.processes",
    "tests.helpers.browser",
    "tests.helpers.hub",
    "tests.helpers.console",
    "tests.helpers.databases",
]

# What a developer has set must not reach the tests. Nothing real stands behind these addresses:
# fixtures replace them for the tests that ask.
for name in settings.Settings.model_fields:
    os.environ.pop(name.upper(), None)
os.environ |= {
    "DATABASE_URL": "sqlite:////nonexistent/ask-for-rolled_back-or-own_database",
    "REDIS_URL": "unix:///nonexistent/ask-for-redis_url",
    "SECRET_KEY": "a secret of the tests and of nothing else",
    "FIELD_KEYS": "dGhlIGZpcnN0IGtleSBvZiB0aGUgdGVzdHMsIDMyISE=",
    "PUBLIC_URL": "https://hub.example",
    "WECHAT_API_URL": "http://127.0.0.1:9",
    "WECHAT_OPEN_URL": "http://127.0.0.1:9",
    # it takes seconds to load; tests of what it does ask for it
    "SENTENCE_ENCODER": "off",
}


@pytest.fixture(autouse=True)
def reset_settings() -> Iterator[None]:
    """Forget the settings after each test, because it may have changed the environment."""
    yield
    settings.reset()


@pytest.fixture
def now() -> datetime:
    """The instant of the test."""
    return NOW
