"""Instructions per request: a measure that does not depend on other load of the machine.

    perf stat      where the processor's counters are accessible
    callgrind      elsewhere: the server runs in Valgrind, about fifty times slower

Both count user space only. What the processes do without requests (polling) is measured too and
subtracted: as everything takes longer under callgrind, it would weigh fifty times too much.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.common.programs import Program, Running, running
from bench.load import pushes

_WARM = 100
# under callgrind a request takes seconds
_COUNTED = 200
# perf costs nothing, so more requests give a steadier figure
_COUNTED_BY_PERF = 3000
_CONNECTIONS = 4
_IDLE_SECONDS = 3.0
_PATIENCE = 240.0  # seconds; under callgrind starting and the first answers are very slow


class NotCounted(Exception):
    """A tool gave no figure."""


def tool() -> str | None:
    """`perf`, `callgrind`, or None where neither works."""
    if shutil.which("perf"):
        # installed is not enough: in containers the kernel refuses access to the counters
        probe = _perf_count(["true"], [])
        if probe is not None:
            return "perf"
    if shutil.which("valgrind") and shutil.which("callgrind_control"):
        return "callgrind"
    return None


def per_request(program: Program, prepared: pushes.Pushes, by: str) -> float:
    """Millions of instructions per push. Raises NotCounted."""
    if by == "perf":
        return _by_perf(program, prepared)
    return _by_callgrind(program, prepared)


def needed(by: str | None) -> int:
    """How many pushes must be prepared."""
    return _WARM + (_COUNTED_BY_PERF if by == "perf" else _COUNTED)


def _by_perf(program: Program, prepared: pushes.Pushes) -> float:
    with running(program) as server:
        _run_load(prepared, server, first=0, count=_WARM)
        pids = ",".join(map(str, server.processes()))
        with tempfile.NamedTemporaryFile(prefix="perf-") as figures:
            wrap = _perf(figures.name, "-p", pids)
            _run_load(prepared, server, first=_WARM, count=_COUNTED_BY_PERF, wrap=wrap)
            counted = _perf_figure(Path(figures.name))
    if counted is None:
        raise NotCounted("perf")
    return counted / _COUNTED_BY_PERF / 1e6


def _perf(output: str, *options: str) -> list[str]:
    return ["perf", "stat", "-x,", "-o", output, "-e", "instructions:u", *options, "--"]


def _perf_count(command: Sequence[str], options: Sequence[str]) -> int | None:
    with tempfile.NamedTemporaryFile(prefix="perf-") as figures:
        wrapped = [*_perf(figures.name, *options), *command]
        subprocess.run(wrapped, check=False, capture_output=True)
        return _perf_figure(Path(figures.name))


def _perf_figure(output: Path) -> int | None:
    found = re.search(r"^(\d+),", output.read_text(encoding="utf-8"), re.MULTILINE)
    return int(found[1]) if found else None


def _by_callgrind(program: Program, prepared: pushes.Pushes) -> float:
    with tempfile.TemporaryDirectory(prefix="callgrind-") as folder:
        # --trace-children, because the server's workers are processes of their own
        wrap = ["valgrind", "--tool=callgrind", "-q", "--trace-children=yes"]
        wrap.append(f"--callgrind-out-file={folder}/out.%p")
        with running(program, wrap=wrap, patience=_PATIENCE) as server:
            _run_load(prepared, server, first=0, count=_WARM)
            counted, seconds = _count_during(
                server,
                Path(folder),
                lambda: _run_load(prepared, server, first=_WARM, count=_COUNTED),
            )
            idle, idle_seconds = _count_during(
                server, Path(folder), lambda: time.sleep(_IDLE_SECONDS)
            )
    return (counted - idle / idle_seconds * seconds) / _COUNTED / 1e6


def _count_during(server: Running, folder: Path, action: Callable[[], object]) -> tuple[int, float]:
    """Instructions of all processes of a server during the block, and its seconds."""
    pids = server.processes()
    _callgrind_command("--zero", pids, server.program)
    began = time.perf_counter()
    action()
    seconds = time.perf_counter() - began
    # a zeroed counter still leaves the dumps of the time before
    for old in folder.iterdir():
        old.unlink()
    _callgrind_command("--dump", pids, server.program)
    dumps = [dump.read_text(encoding="utf-8") for dump in folder.iterdir()]
    totals = [int(total) for dump in dumps for total in re.findall(r"^totals: (\d+)", dump, re.M)]
    if not totals:
        raise NotCounted("callgrind")
    return sum(totals), seconds


def _callgrind_command(deed: str, pids: Sequence[int], program: Program) -> None:
    # Valgrind makes the name of its control pipe from HOST and USER of its environment
    env = {**os.environ, **program.env}
    for pid in pids:
        command = ["callgrind_control", deed, str(pid)]
        subprocess.run(command, env=env, check=False, capture_output=True)


def _run_load(
    prepared: pushes.Pushes, server: Running, *, first: int, count: int, wrap: Sequence[str] = ()
) -> None:
    shot = pushes.run_load(
        prepared,
        server.port,
        first=first,
        count=count,
        connections=_CONNECTIONS,
        patience=_PATIENCE,
        wrap=wrap,
    )
    if shot.ok != count:
        raise NotCounted(f"{server.program.name} answered {shot.ok} of {count}")
