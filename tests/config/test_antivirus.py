"""The scanner of the house: what it does not call harmless is refused."""

import shlex
import sys

import pytest

from config import settings
from config.errors import Invalid
from config.security import antivirus


def use(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("UPLOAD_SCANNER", command)
    settings.reset()


def python(script: str) -> str:
    return shlex.join([sys.executable, "-c", script])


READS = "import sys; sys.exit(b'virus' in sys.stdin.buffer.read())"


def test_without_a_scanner_everything_passes() -> None:
    antivirus.scan(b"virus")


def test_a_scanner_sees_the_file_and_its_word_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, python(READS))

    antivirus.scan(b"a picture")
    with pytest.raises(Invalid, match="没有通过安全扫描"):
        antivirus.scan(b"a virus")


@pytest.mark.parametrize(
    "command", ["/nonexistent/scanner", python("raise SystemExit(2)"), "unclosed 'quote"]
)
def test_a_scanner_that_says_nothing_lets_nothing_pass(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    use(monkeypatch, command)
    with pytest.raises(antivirus.ScannerUnavailable):
        antivirus.scan(b"a picture")


def test_a_slow_scanner_lets_nothing_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(antivirus, "_TIMEOUT", 0.1)
    use(monkeypatch, python("import time; time.sleep(9)"))
    with pytest.raises(antivirus.ScannerUnavailable):
        antivirus.scan(b"a picture")
