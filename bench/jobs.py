"""Jobs: background jobs a second from row through Redis and worker to done.

    python -m bench.jobs [--count 2000] [--rounds 3] [--only hub,dramatiq] [--json FILE]

    transaction { row } ── id ──> Redis ──> worker ── row done

Beside it bare Dramatiq over the same Redis, which keeps no rows: the difference is the price of
losing nothing. One worker process with eight threads each; asking and working have a core each.
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
from typing import Any

from bench import hub, tables
from bench.programs import ROOT, Cores, cores, pinned
from tests.fixtures import leash

_FIGURES = ("asked_per_s", "done_per_s", "alone_ms")


@dataclass(frozen=True, slots=True)
class Turn:
    """One round: jobs a second until asked for and until done; milliseconds of one alone."""

    asked_per_s: float
    done_per_s: float
    alone_ms: float


@dataclass(frozen=True, slots=True)
class Way:
    """A module that can `work` and `ask`, and the environment it does so in."""

    name: str
    module: str
    env: dict[str, str]
    turns: list[Turn] = field(default_factory=list)

    def middle(self, figure: str) -> float:
        """The median of a figure over the rounds."""
        return float(median(getattr(turn, figure) for turn in self.turns))


@dataclass(frozen=True, slots=True)
class Options:
    """How many jobs how often, and which ways; `only` empty is all."""

    count: int
    rounds: int
    only: tuple[str, ...]
    json: Path | None


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the table."""
    options = _options(argv)
    with _prepared(options) as ways:
        for _ in range(options.rounds):
            for way in ways:
                way.turns.append(_take_turn(way, options.count, cores()))
    print(render(ways))
    if options.json:
        options.json.write_text(json.dumps(report(ways), indent=1) + "\n", encoding="utf-8")
    return 0


def _options(argv: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="bench.jobs", description=__doc__.split("\n\n")[0])
    parser.add_argument("--count", type=int, default=2000, help="jobs of each turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="names, comma-separated; see the table")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    said = parser.parse_args(argv)
    only = tuple(name for name in said.only.split(",") if name)
    return Options(count=said.count, rounds=said.rounds, only=only, json=said.json)


@contextmanager
def _prepared(options: Options) -> Iterator[list[Way]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        sqlite = stack.enter_context(hub.hub_on_sqlite(folder / "sqlite"))
        ways = [
            Way("hub", "bench.hub_jobs", sqlite),
            Way("dramatiq", "bench.peers.dramatiq_bare", sqlite),
        ]
        if not options.only or "hub-postgresql" in options.only:
            server = cores().server
            env = stack.enter_context(hub.hub_on_postgres(folder / "postgresql", server))
            ways.append(Way("hub-postgresql", "bench.hub_jobs", env))
        taking_part = [way for way in ways if not options.only or way.name in options.only]
        for way in taking_part:
            if way.module == "bench.hub_jobs":
                hub.flask(way.env, "migrate")
        yield taking_part


def _take_turn(way: Way, count: int, at: Cores) -> Turn:
    env = {**os.environ, **way.env}
    python = [sys.executable, "-m", way.module]
    log = Path(env["VAR_DIR"], f"{way.name}.log")
    worker = leash.start([*pinned(at.server), *python, "work"], log=log, env=env, cwd=ROOT)
    try:
        asked = subprocess.run(
            [*pinned(at.load), *python, "ask", str(count)],
            cwd=ROOT,
            env=env,
            check=True,
            stdout=subprocess.PIPE,
        )
    finally:
        leash.stop(worker)
    # log lines may stand before the figures
    figures = json.loads(asked.stdout.splitlines()[-1])
    return Turn(**figures)


def report(ways: Sequence[Way]) -> dict[str, Any]:
    """All figures as JSON."""
    return {way.name: [asdict(turn) for turn in way.turns] for way in ways}


def render(ways: Sequence[Way]) -> str:
    """The figures as Markdown."""
    rows = [[way.name, *(f"{way.middle(figure):,.1f}" for figure in _FIGURES)] for way in ways]
    table = tables.markdown(["jobs", "asked/s", "done/s", "ms, one alone"], rows)
    return "\n\n".join([table, *_comparisons(ways)])


def _comparisons(ways: Sequence[Way]) -> Iterator[str]:
    bare = next((way for way in ways if way.name == "dramatiq"), None)
    for way in ways:
        if bare is not None and way is not bare:
            share = way.middle("done_per_s") / bare.middle("done_per_s")
            yield f"{way.name}: {share:.2f} × dramatiq (done a second)"


if __name__ == "__main__":
    raise SystemExit(main())
