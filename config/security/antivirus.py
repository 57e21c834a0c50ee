"""Scanning: what strangers send is shown to a scanner of the house before anybody keeps it.

    UPLOAD_SCANNER="clamdscan --no-summary -"     the file on standard input; 0 means harmless

Without a command nothing is scanned. With one, whatever is not said to be harmless is refused:
also when the command is missing, fails or takes too long.
"""

import shlex
import subprocess

from config import logs, settings
from config.errors import Invalid, Temporary

_log = logs.get_logger(__name__)
_TIMEOUT = 30.0  # seconds
_INFECTED = 1  # what scanners say by their exit status; all others are troubles of their own


class ScannerUnavailable(Temporary):
    """The scanner gave no answer."""

    text = "安全扫描暂时不可用，文件没有保存，请稍后再试。"


def scan(body: bytes) -> None:
    """Let the house's scanner look at a file. Raises Invalid, ScannerAway."""
    command = settings.get().upload_scanner
    if not command:
        return
    try:
        result = subprocess.run(
            shlex.split(command), input=body, capture_output=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        _log.error("scanner.unavailable", error=type(error).__name__)
        raise ScannerUnavailable from error
    if result.returncode == _INFECTED:
        _log.warning("scanner.refused")
        raise Invalid(field="file", problem="没有通过安全扫描")
    if result.returncode:
        _log.error("scanner.unavailable", status=result.returncode)
        raise ScannerUnavailable
