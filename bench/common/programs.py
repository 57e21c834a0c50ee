"""Servers under test, started on a cpu of their own and stopped again.

    Program ── running ──> Running: port, processes, cpu time

With two cpus, servers run on the last one and the load generator on the first, so that figures
per second are per second of one core.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers import subprocesses

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

_TICKS = os.sysconf("SC_CLK_TCK")


class NotStarted(Exception):
    """A program does not listen; the message ends with its output."""


@dataclass(frozen=True, slots=True)
class Cores:
    """The cpu that serves and the one that generates load; None if there is only one."""

    server: int | None
    load: int | None

    @property
    def load_wrap(self) -> list[str]:
        """The command prefix (taskset) of a load generator."""
        return pinned(self.load)


@dataclass(frozen=True, slots=True)
class Program:
    """A server that answers pushes at /wechat/<appid>. `{port}` is filled into the command."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Running:
    """A program that listens."""

    program: Program
    port: int
    pid: int

    def processes(self) -> list[int]:
        """Process ids of the program and of all its descendants."""
        return [self.pid, *_descendants(self.pid)]

    def cpu_seconds(self) -> float:
        """CPU time of its processes so far, user and system, in seconds."""
        return sum(_cpu_ticks(pid) for pid in self.processes()) / _TICKS


def cores() -> Cores:
    """The last cpu to serve, the first one to generate load."""
    if not shutil.which("taskset") or not hasattr(os, "sched_getaffinity"):
        return Cores(None, None)
    available = sorted(os.sched_getaffinity(0))
    # the last core to serve: interrupts of a machine mostly arrive at the first
    return Cores(available[-1], available[0]) if len(available) > 1 else Cores(None, None)


def pinned(cpu: int | None) -> list[str]:
    """The command prefix that pins a process to a cpu."""
    return [] if cpu is None else ["taskset", "-c", str(cpu)]


@contextmanager
def on_cpu(cpu: int | None) -> Iterator[None]:
    """Processes started inside the block stay on a cpu."""
    if cpu is None:
        yield
        return
    before = os.sched_getaffinity(0)
    # children inherit it, so it holds for processes that the block starts and for theirs
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def running(
    program: Program,
    *,
    cpu: int | None = None,
    wrap: Sequence[str] = (),
    patience: float = 60,
) -> Iterator[Running]:
    """Start a program and wait until it listens; `wrap` goes before its command.

    Raises NotStarted when it ends before that, or takes longer than `patience` seconds.
    """
    port = free_port()
    words = [*pinned(cpu), *wrap, *(word.format(port=port) for word in program.command)]
    env = {**os.environ, **program.env, "PORT": str(port)}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        log = Path(folder, "log")
        process = subprocesses.start(words, log=log, env=env, cwd=ROOT)
        try:
            _wait_until_it_listens(program, port, process, log, patience)
            yield Running(program, port, process.pid)
        finally:
            subprocesses.stop(process)


def free_port() -> int:
    """A port that is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_listens(
    program: Program, port: int, process: subprocess.Popen[bytes], log: Path, patience: float
) -> None:
    deadline = time.monotonic() + patience
    while not _listens(port):
        if process.poll() is not None or time.monotonic() > deadline:
            # the end of the output has the reason, the beginning only banners
            said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise NotStarted(f"{program.name} did not start:\n{said}")
        time.sleep(0.05)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def _descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            yield int(child)
            yield from _descendants(int(child))


def _cpu_ticks(pid: int) -> int:
    # proc(5): the name in brackets may contain spaces; user and system time are fields 14 and 15
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
