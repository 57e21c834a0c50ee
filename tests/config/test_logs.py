"""Logs: ids on every line, and no secret on any."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config import logs, settings

Written = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Written]:
    monkeypatch.setenv("LOG_FORMAT", "json")
    settings.reset()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    root.handlers[:], root.level = before[0], before[1]
    settings.reset()


def test_ids_that_are_bound_stand_on_the_line(written: Written) -> None:
    logs.configure()
    with logs.bound_context(job=7):
        logs.get_logger("room").info("something", account="wx1")

    (line,) = written()
    assert (line["event"], line["job"], line["account"], line["level"]) == (
        "something",
        7,
        "wx1",
        "info",
    )


def test_secrets_are_blanked_by_name_and_inside_addresses(written: Written) -> None:
    logs.configure()
    logs.get_logger("room").warning(
        "call",
        access_token="TOPSECRET",
        url="https://api/cgi-bin/x?access_token=TOPSECRET&openid=oTOPSECRET",
        aes_key="TOPSECRET",
    )
    logging.getLogger("library").warning("GET /x?access_token=TOPSECRET&a=1")

    lines = written()
    assert len(lines) == 2
    assert "TOPSECRET" not in json.dumps(lines)
    assert "&a=1" in lines[1]["event"]
