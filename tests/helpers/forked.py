"""Programs of the hub as processes, forked from one that has imported the hub already.

    start(["granian", "wsgi:application"], …)  ──> ForkedProcess, like subprocess.Popen
    run(["flask", "--app", "wsgi", "migrate"]) ──> CompletedProcess, like subprocess.run

A process has its own environment, folder, process group and settings, and runs the same entry
point as the command would; only importing, 2 to 4 s of processor time, is done once for all
(`multiprocessing`'s fork server). The commands as typed are run by conventions/test_make_run.py.
"""

import atexit
import ctypes
import importlib.metadata
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path

_START_TIMEOUT = 60.0  # seconds; the first start of a run imports the whole hub
_PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>


class ForkedProcess:
    """A running program, with the methods of `subprocess.Popen` that tests use."""

    def __init__(
        self, words: Sequence[str], env: Mapping[str, str], cwd: Path, outputs: tuple[Path, Path]
    ) -> None:
        self.args = list(words)
        context = multiprocessing.get_context("forkserver")
        _prepare_fork_server()
        receiver, sender = context.Pipe(duplex=False)
        target = (list(words), dict(env), str(cwd), tuple(map(str, outputs)), sender)
        self._process = context.Process(target=_run, args=target)
        self._process.start()
        sender.close()
        # only then it has its process group: before, nobody could stop its children
        if not receiver.poll(_START_TIMEOUT):
            raise RuntimeError(f"{words!r} was not forked within {_START_TIMEOUT} s")
        receiver.close()

    @property
    def pid(self) -> int:
        """The process id; its process group has the same."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, -N after signal N; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The exit code if it has ended."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def start(words: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path) -> ForkedProcess:
    """Start a program of the virtual environment, or `python -m module`; it writes to `log`."""
    return ForkedProcess(words, env, cwd, (log, log))


def run(
    words: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end. Gives its exit code and what it wrote, as text."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder, "stdout"), Path(folder, "stderr")
        process = ForkedProcess(words, env, cwd, outputs)
        try:
            code = process.wait(timeout)
        finally:
            process.send_signal(signal.SIGKILL)
        said = [each.read_text(encoding="utf-8", errors="replace") for each in outputs]
    return subprocess.CompletedProcess(list(words), code, *said)


@cache
def _prepare_fork_server() -> None:
    """Say what the fork server imports; it starts with the first process."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(["tests.helpers.preloaded"])


def _run(
    words: list[str], env: dict[str, str], cwd: str, outputs: tuple[str, str], started: Connection
) -> None:
    """Become the program: what the kernel and the interpreter do when a command starts."""
    os.setsid()
    _end_with_tests()
    for number, name in zip((1, 2), outputs, strict=True):
        opened = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    # as in a new interpreter: else Granian would start its own processes from nothing
    multiprocessing.set_start_method(None, force=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started.send(None)
    started.close()
    try:
        _run_program(words)
    finally:
        # multiprocessing ends a process without them
        atexit._run_exitfuncs()


def _end_with_tests() -> None:
    """Have the kernel end this process when the tests are killed (Linux only).

    The fork server ends when nobody holds its pipe any more, and its processes with it; but each
    of them gets an end of the pipe, for processes of its own.
    """
    pipe = forkserver._forkserver
    os.close(pipe._forkserver_alive_fd)
    pipe._forkserver_alive_fd = None
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _run_program(words: list[str]) -> None:
    if words[:2] == ["python", "-m"]:
        sys.argv = words[2:]
        sys.path.insert(0, os.getcwd())  # as the interpreter does for -m
        runpy.run_module(words[2], run_name="__main__", alter_sys=True)
        return
    sys.argv = words
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name=words[0])
    sys.exit(entry.load()())
