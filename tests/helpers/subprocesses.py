"""Subprocesses of tests: each ends with the tests, even when the tests themselves are killed."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Protocol

_TIMEOUT = 60.0  # seconds; the machine may be busy with other things


class Process(Protocol):
    """What is used of a process here: `subprocess.Popen`, and `forked.ForkedProcess`."""

    args: Any

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...


# setpriv (util-linux) has the kernel signal the process when its parent dies; without it, processes
# end only when the tests end normally
_SETPRIV = shutil.which("setpriv")


def start(
    command: Sequence[str | os.PathLike[str]],
    *,
    log: Path,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    user: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a process group of its own. Its output is appended to the file `log`.

    `user` is the id of the user and the group to run as; None keeps those of the tests.
    """
    words = [os.fspath(word) for word in command]
    if _SETPRIV:
        words = [_SETPRIV, "--pdeathsig", "TERM", "--", *words]
    with log.open("ab") as sink:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            start_new_session=True,
        )


def kill(process: Process) -> None:
    """Kill the process and its children with SIGKILL, which they cannot handle."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def stop(process: Process, with_signal: int = signal.SIGTERM) -> None:
    """Send the process a signal, wait up to 20 seconds, then kill what is left of its group."""
    if process.poll() is None:
        process.send_signal(with_signal)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
    kill(process)


def wait_until(condition: Callable[[], object], *, process: Process, log: Path) -> None:
    """Wait until `condition()` is true.

    Raises RuntimeError with the end of the log when the process ends before, or after _TIMEOUT.
    """
    deadline = monotonic() + _TIMEOUT
    while not condition():
        ended = process.poll() is not None
        if ended or monotonic() > deadline:
            problem = f"ended with {process.returncode}" if ended else "did not get ready"
            written = log.read_text(encoding="utf-8", errors="replace")[-4000:]
            raise RuntimeError(f"{process.args!r} {problem}:\n{written}")
        sleep(0.02)
