"""The scanner of the house: what it does not call harmless is refused."""

import shlex
import sys

import pytest

from config import scanning, settings
from config.errors import Invalid


def use(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("UPLOAD_SCANNER", command)
    settings.forget()


def python(script: str) -> str:
    return shlex.join([sys.executable, "-c", script])


READS = "import sys; sys.exit(b'virus' in sys.stdin.buffer.read())"


def test_without_a_scanner_everything_passes() -> None:
    scanning.scan(b"virus")


def test_a_scanner_sees_the_file_and_its_word_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, python(READS))

    scanning.scan(b"a picture")
    with pytest.raises(Invalid, match="没有通过安全扫描"):
        scanning.scan(b"a virus")


@pytest.mark.parametrize(
    "command", ["/nonexistent/scanner", python("raise SystemExit(2)"), "unclosed 'quote"]
)
def test_a_scanner_that_says_nothing_lets_nothing_pass(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    use(monkeypatch, command)
    with pytest.raises(scanning.ScannerAway):
        scanning.scan(b"a picture")


def test_a_slow_scanner_lets_nothing_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "_LONGEST", 0.1)
    use(monkeypatch, python("import time; time.sleep(9)"))
    with pytest.raises(scanning.ScannerAway):
        scanning.scan(b"a picture")
