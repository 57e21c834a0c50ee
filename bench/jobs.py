"""Jobs: background jobs per second from row through Redis and worker to done.

    python -m bench.jobs [--count 2000] [--rounds 3] [--only hub,dramatiq] [--json FILE]

    transaction { row } ── id ──> Redis ──> worker ── row done

Beside it bare Dramatiq on the same Redis, which stores no rows: the difference is the cost of the
outbox. One worker process with eight threads each; enqueueing and working have a core each.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from bench.common import hub, tables
from bench.common.json_object import JsonObject
from bench.common.programs import ROOT, Cores, cores, pinned
from tests.helpers import subprocesses

_FIGURES = ("asked_per_s", "done_per_s", "alone_ms")


@dataclass(frozen=True, slots=True)
class Round:
    """One round: jobs per second enqueued and done; milliseconds of a single job."""

    asked_per_s: float
    done_per_s: float
    alone_ms: float


@dataclass(frozen=True, slots=True)
class JobSystem:
    """A module with the commands `work` and `ask`, and its environment."""

    name: str
    module: str
    env: dict[str, str]
    rounds: list[Round] = field(default_factory=list)

    def median(self, figure: str) -> float:
        """The median of a figure over the rounds."""
        return float(median(getattr(turn, figure) for turn in self.rounds))


@dataclass(frozen=True, slots=True)
class Options:
    """How many jobs, how many rounds, which systems; `only` empty means all."""

    count: int
    rounds: int
    only: tuple[str, ...]
    json: Path | None


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the table."""
    options = _options(argv)
    with _prepared(options) as systems:
        for _ in range(options.rounds):
            # systems take turns within a round, so that a slow minute of the machine affects all
            # alike
            for system in systems:
                system.rounds.append(_take_turn(system, options.count, cores()))
    print(render(systems))
    if options.json:
        options.json.write_text(json.dumps(report(systems), indent=1) + "\n", encoding="utf-8")
    return 0


def _options(argv: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="bench.jobs", description=__doc__.split("\n\n")[0])
    parser.add_argument("--count", type=int, default=2000, help="jobs of each turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="names, comma-separated; see the table")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parsed = parser.parse_args(argv)
    only = tuple(name for name in parsed.only.split(",") if name)
    return Options(count=parsed.count, rounds=parsed.rounds, only=only, json=parsed.json)


@contextmanager
def _prepared(options: Options) -> Iterator[list[JobSystem]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        sqlite = stack.enter_context(hub.hub_on_sqlite(folder / "sqlite"))
        systems = [
            JobSystem("hub", "bench.jobs_worker", sqlite),
            JobSystem("dramatiq", "bench.peers.dramatiq_bare", sqlite),
        ]
        if not options.only or "hub-postgresql" in options.only:
            server = cores().server
            env = stack.enter_context(hub.hub_on_postgres(folder / "postgresql", server))
            systems.append(JobSystem("hub-postgresql", "bench.jobs_worker", env))
        taking_part = [
            system for system in systems if not options.only or system.name in options.only
        ]
        for system in taking_part:
            if system.module == "bench.jobs_worker":
                hub.flask(system.env, "migrate")
        yield taking_part


def _take_turn(system: JobSystem, count: int, at: Cores) -> Round:
    env = {**os.environ, **system.env}
    # by module and not by the Procfile, because the benchmark's job has to be registered in the
    # worker first
    python = [sys.executable, "-m", system.module]
    log = Path(env["VAR_DIR"], f"{system.name}.log")
    # worker and producer on different cores, else each would slow the other down
    worker = subprocesses.start([*pinned(at.server), *python, "work"], log=log, env=env, cwd=ROOT)
    try:
        asked = subprocess.run(
            [*pinned(at.load), *python, "ask", str(count)],
            cwd=ROOT,
            env=env,
            check=True,
            stdout=subprocess.PIPE,
        )
    finally:
        subprocesses.stop(worker)
    # log lines may precede the figures
    figures = json.loads(asked.stdout.splitlines()[-1])
    return Round(**figures)


def report(systems: Sequence[JobSystem]) -> JsonObject:
    """All figures as JSON."""
    return {system.name: [asdict(turn) for turn in system.rounds] for system in systems}


def render(systems: Sequence[JobSystem]) -> str:
    """The figures as Markdown."""
    rows = [
        [system.name, *(f"{system.median(figure):,.1f}" for figure in _FIGURES)]
        for system in systems
    ]
    table = tables.markdown(["jobs", "asked/s", "done/s", "ms, one alone"], rows)
    return "\n\n".join([table, *_comparisons(systems)])


def _comparisons(systems: Sequence[JobSystem]) -> Iterator[str]:
    bare = next((system for system in systems if system.name == "dramatiq"), None)
    for system in systems:
        if bare is not None and system is not bare:
            share = system.median("done_per_s") / bare.median("done_per_s")
            yield f"{system.name}: {share:.2f} × dramatiq (done a second)"


if __name__ == "__main__":
    raise SystemExit(main())
