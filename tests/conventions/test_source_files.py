"""The tree: what no file of the project may say."""

import io
import os
import re
import tokenize
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.helpers.source_tree import ROOT, format_findings

_TEXT = {".css", ".html", ".js", ".json", ".md", ".py", ".sh", ".svg", ".toml", ".txt", ".xml"}
_TEXT |= {"", ".yaml", ".yml", ".jsonl", ".cfg", ".dev", ".c"}
# the reason stands behind the code of the check, or in a comment on the line above
_REASON = re.compile(r"(?:noqa: [A-Z0-9, ]+|type: ignore\[[\w, -]+\]).*\w+ \w+")
_FOLDERS = "home|root|Users|work|mnt"


def _files() -> Iterator[tuple[Path, str]]:
    """Every text file that belongs to the project: all but what .gitignore names."""
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    folders = {".git", *(line.rstrip("/") for line in ignored if line.endswith("/"))}
    for holder, inner, names in os.walk(ROOT):
        place = Path(holder).relative_to(ROOT)
        inner[:] = sorted(n for n in inner if not {n, (place / n).as_posix()} & folders)
        for name in sorted(names):
            path = ROOT / place / name
            hidden = any(fnmatch(name, line) for line in ignored)
            if path.suffix in _TEXT and not hidden and path.is_file():
                yield place / name, path.read_text(encoding="utf-8")


def _found(pattern: str, *suffixes: str) -> list[str]:
    """Where a pattern stands, as file:line."""
    seen = re.compile(pattern)
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in _files()
        if not suffixes or name.suffix in suffixes
        for number, line in enumerate(text.splitlines(), start=1)
        if seen.search(line)
    ]


def test_no_file_names_a_folder_of_one_machine() -> None:
    found = _found(rf"(?<![\w.$}}>])/(?:{_FOLDERS})/[\w.-]+")
    assert not found, format_findings(found)


def test_no_work_is_left_as_a_note() -> None:
    words = "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"])
    found = _found(rf"\b(?:{words})\b", ".py", ".js", ".html", ".sh", ".toml", ".yaml")
    assert not found, format_findings(found)


def test_an_exception_from_a_check_stands_with_its_reason() -> None:
    bare = [
        f"{name}:{number}"
        for name, text in _files()
        if name.suffix == ".py"
        for number, comment in _comments(text)
        if re.match(r"# *(?:noqa|type: ignore)", comment) and not _REASON.search(comment)
    ]
    assert not bare, format_findings(bare)


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """Each comment with its line; one that follows code continues the comment above it."""
    above = (0, "")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            line = token.start[0]
            yield line, token.string + (f" - {above[1]}" if above[0] == line - 1 else "")
            above = (line, token.string)


@pytest.mark.parametrize("attribute", ["src", "href", "action", "hx-get", "hx-post"])
def test_no_page_loads_from_elsewhere(attribute: str) -> None:
    tags = "script|link|img|iframe|audio|video|source|form|button"
    found = _found(rf"<(?:{tags})\b[^>]*\b{attribute}=[\"']?(?:https?:)?//", ".html")
    assert not found, format_findings(found)


def test_every_file_ends_with_one_line_end_and_has_no_carriage_return() -> None:
    wrong = [
        str(name)
        for name, text in _files()
        if text and (not text.endswith("\n") or text.endswith("\n\n") or "\r" in text)
    ]
    assert not wrong, format_findings(wrong)
