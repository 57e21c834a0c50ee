"""Run the benchmarks and write a report.

    python -m bench [--long | --tiny] [--only callback,jobs]

Each part runs in a process of its own and prints its tables as Markdown; the report is written
to `var/bench`, with the figures as JSON.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.common.json_object import JsonObject
from bench.common.programs import ROOT

REPORTS = ROOT / "var" / "bench"


@dataclass(frozen=True, slots=True)
class Part:
    """One benchmark, a module of this package: its options for a longer and for the tiniest run."""

    name: str
    title: str
    long: tuple[str, ...] = ()
    tiny: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The output of a part; `code` is not 0 when it failed or found wrong answers."""

    part: Part
    printed: str
    figures: object
    seconds: float
    code: int


PARTS = (
    Part(
        "callback",
        "Callback",
        long=("--seconds", "10", "--rounds", "7"),
        tiny=("--seconds", "0.3", "--rounds", "1", "--only", "hub", "--instructions", "none"),
    ),
    Part("matching", "Matching", tiny=("--up-to", "100")),
    Part("quality", "Keyword quality"),
    Part("danger", "Danger heard and missed"),
    Part(
        "pages",
        "Pages of the console",
        long=("--rounds", "15"),
        tiny=("--rounds", "1", "--rules", "200", "--messages", "500"),
    ),
    Part(
        "jobs",
        "Background jobs",
        long=("--count", "10000", "--rounds", "5"),
        tiny=("--count", "20", "--rounds", "1", "--only", "hub"),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the parts and write the report; 1 when a part failed or found wrong answers."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.split("\n\n")[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--long", action="store_true", help="steadier figures; half an hour")
    size.add_argument("--tiny", action="store_true", help="only to see that it runs")
    parser.add_argument("--only", default="", help=", ".join(part.name for part in PARTS))
    parser.add_argument("--reports", type=Path, default=REPORTS, help="folder of the report")
    said = parser.parse_args(argv)
    only = [name for name in said.only.split(",") if name]
    machine = _machine()
    print(_heading(machine), flush=True)
    outcomes = []
    for part in PARTS:
        if not only or part.name in only:
            options = part.long if said.long else part.tiny if said.tiny else ()
            outcomes.append(_run(part, options))
            print(_section(outcomes[-1]), flush=True)
    print(f"\nWritten to {_write(said.reports, machine, outcomes)}")
    return max((1 for outcome in outcomes if outcome.code), default=0)


def _run(part: Part, options: Sequence[str]) -> Outcome:
    # a process for each part: memory, caches and threads that one part leaves behind would change
    # the figures of the next
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder, "figures.json")
        command = [sys.executable, "-m", f"bench.{part.name}", *options, "--json", str(file)]
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=ROOT,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        seconds = time.monotonic() - began
        figures = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    return Outcome(part, done.stdout.strip(), figures, seconds, done.returncode)


def _machine() -> JsonObject:
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu(),
        # the cores this process may use, which in a container are fewer than the machine has
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "commit": _commit(),
    }


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    # platform.processor() is empty on most Linux systems
    found = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return found[1] if found else platform.processor()


def _commit() -> str:
    asked = subprocess.run(
        # "-dirty" marks figures of code that no commit has
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    return asked.stdout.strip()


def _heading(machine: JsonObject) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in machine.items())
    return f"# Benchmarks\n\n{facts}"


def _section(outcome: Outcome) -> str:
    failed = f" — exit status {outcome.code}" if outcome.code else ""
    heading = f"\n## {outcome.part.title} ({outcome.seconds:.0f} s){failed}"
    return f"{heading}\n\n{outcome.printed}"


def _write(reports: Path, machine: JsonObject, outcomes: Sequence[Outcome]) -> Path:
    reports.mkdir(parents=True, exist_ok=True)
    file = reports / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.md"
    sections = [_heading(machine), *map(_section, outcomes)]
    file.write_text("\n".join(sections) + "\n", encoding="utf-8")
    figures = {outcome.part.name: outcome.figures for outcome in outcomes}
    said = json.dumps({"machine": machine, "figures": figures}, ensure_ascii=False, indent=1)
    file.with_suffix(".json").write_text(said + "\n", encoding="utf-8")
    return file


if __name__ == "__main__":
    raise SystemExit(main())
