"""Virus scan: uploads are passed to the command of UPLOAD_SCANNER before they are stored.

    UPLOAD_SCANNER="clamdscan --no-summary -"     file on standard input; exit status 0: clean

Without a command nothing is scanned. With one, a file passes only when the command says that it is
clean, and not when the command is missing, fails or takes too long.
"""

import shlex
import subprocess

from config import logs, settings
from config.errors import Invalid, Temporary

_log = logs.get_logger(__name__)
_TIMEOUT = 30.0  # seconds
# clamdscan(1): 0 no virus found, 1 virus found, 2 an error; other scanners follow it
_INFECTED = 1


class ScannerUnavailable(Temporary):
    """The scanner gave no verdict."""

    text = "安全扫描暂时不可用，文件没有保存，请稍后再试。"


def scan(body: bytes) -> None:
    """Scan a file. Raises Invalid when it is infected, ScannerUnavailable without a verdict."""
    command = settings.get().upload_scanner
    if not command:
        return
    try:
        result = subprocess.run(
            # without a shell: the setting is a command with arguments,
            # and nothing in it is expanded
            shlex.split(command),
            input=body,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        _log.error("scanner.unavailable", error=type(error).__name__)
        raise ScannerUnavailable from error
    if result.returncode == _INFECTED:
        _log.warning("scanner.refused")
        raise Invalid(field="file", problem="没有通过安全扫描")
    # Fails closed: a scanner that is down must not open the door it guards.
    if result.returncode:
        _log.error("scanner.unavailable", status=result.returncode)
        raise ScannerUnavailable
