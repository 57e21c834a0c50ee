"""Callback: requests per second, latency and instructions per request of WeChat's pushes.

    python -m bench.callback [--seconds 2] [--rounds 3] [--only hub,flask] [--json FILE]

The hub records and dedupes every message; the peers record nothing. All have the same accounts,
the same 1,000 rules and get the same texts, signed and encrypted; replies are decrypted and
checked. Servers take turns in short rounds, so that a slow minute of the machine affects all
alike; figures are medians over rounds, ratios medians of the ratios within each round.
"""

import argparse
import json
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.common import hub, instructions, tables
from bench.common.json_object import JsonObject
from bench.common.programs import Cores, NotStarted, Program, Running, cores, running
from bench.load import protocol, pushes, scripts
from bench.load.pushes import LoadRun, Pushes
from bench.peers.programs import install_node_packages, peers
from keywords.language import small_talk
from keywords.language.normalize import normalize

RULES = 1000
OURS = ("hub", "hub-postgresql")
# required ratio to the stronger of a peer's two servers (plain and threaded gunicorn)
# from the design: twice the requests of a plain bot, although the hub also writes a row for each
# push
TARGETS = {"flask": 2.0, "werobot": 3.0}
# milliseconds; WeChat waits five seconds, and the design allows one
P99_AT_HALF_LOAD = 100.0

# not counted: threads do not change the count, and a JIT compiler would be counted as well
_UNCOUNTED = ("-gthread", "koa")

# twice the web process's threads, so that a thread that is free always finds a push waiting
_CONNECTIONS = 32
_WARM = 500
_WARM_SECONDS = 1.5
# checking a reply decrypts and parses it, so a sample of each run must do
_CHECKED = 2000


@dataclass(frozen=True, slots=True)
class Options:
    """Duration and participants; `only` empty means all."""

    seconds: float
    rounds: int
    only: tuple[str, ...]
    json: Path | None
    instructions: str | None


@dataclass(frozen=True, slots=True)
class Round:
    """Figures of one server in one round; times in ms, cpu in microseconds per request."""

    rps: float
    p50: float
    p99: float
    p99_at_half: float
    cpu: float
    checked: int
    wrong: dict[str, int]


@dataclass(slots=True)
class Result:
    """All rounds of one server, and its instructions per request in millions."""

    name: str
    rounds: list[Round] = field(default_factory=list)
    instructions: float | None = None

    def median(self, figure: str) -> float:
        """The median of a figure over the rounds."""
        # the median, because one slow minute of a shared machine would move the mean
        return float(median(getattr(turn, figure) for turn in self.rounds))

    @property
    def wrong(self) -> dict[str, int]:
        """How many replies were wrong, by what was wrong, over all rounds."""
        found: Counter[str] = Counter()
        for turn in self.rounds:
            found.update(turn.wrong)
        return dict(found)


@dataclass(frozen=True, slots=True)
class Setup:
    """The participants, and the pushes they get."""

    programs: list[Program]
    accounts: list[protocol.Account]
    scripts: list[scripts.Script]
    folder: Path
    cores: Cores


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the tables; 1 when a checked reply was wrong."""
    options = _options(argv)
    install_node_packages()
    with _prepare(options) as at:
        results = _measure(at, options)
    print(render(results))
    if options.json:
        options.json.write_text(json.dumps(report(results), ensure_ascii=False, indent=1) + "\n")
    return 1 if any(result.wrong for result in results) else 0


def _options(argv: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="bench.callback", description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=2, help="of each load of each turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="names, comma-separated; see the table")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument(
        "--instructions", choices=["auto", "perf", "callgrind", "none"], default="auto"
    )
    said = parser.parse_args(argv)
    by = instructions.tool() if said.instructions == "auto" else said.instructions
    return Options(
        seconds=said.seconds,
        rounds=said.rounds,
        only=tuple(name for name in said.only.split(",") if name),
        json=said.json,
        instructions=None if by == "none" else by,
    )


@contextmanager
def _prepare(options: Options) -> Iterator[Setup]:
    accounts, rules = protocol.derive_accounts(1), scripts.make_rules(RULES)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        at = cores()
        programs = [*_hub_programs(stack, options, folder, at), *peers(accounts, rules, folder)]
        # peers read their rules from a file; only the hub needs a database
        for program in programs:
            if program.name in OURS:
                hub.set_up(dict(program.env), accounts, rules)
        yield Setup(
            programs=[program for program in programs if _takes_part(program.name, options)],
            accounts=accounts,
            scripts=[each for each in scripts.make_scripts(rules, 1000) if _is_plain(each.text)],
            folder=folder,
            cores=at,
        )


def _is_plain(text: str) -> bool:
    """Whether the hub answers a text by its rules alone.

    Characters drawn at random now and then make up a story or an advertisement.
    """
    return not small_talk.is_small_talk(normalize(text))


def _hub_programs(stack: ExitStack, options: Options, folder: Path, at: Cores) -> Iterator[Program]:
    if _takes_part("hub", options):
        env = stack.enter_context(hub.hub_on_sqlite(folder / "sqlite"))
        yield hub.web("hub", env)
    if _takes_part("hub-postgresql", options):
        env = stack.enter_context(hub.hub_on_postgres(folder / "postgresql", at.server))
        yield hub.web("hub-postgresql", env)


def _takes_part(name: str, options: Options) -> bool:
    return not options.only or name in options.only


def _measure(at: Setup, options: Options) -> list[Result]:
    results = {program.name: Result(program.name) for program in at.programs}
    for turn in range(options.rounds):
        # the order rotates: the first of a round finds the coolest processor
        start = turn % max(1, len(at.programs))
        for program in at.programs[start:] + at.programs[:start]:
            # a fresh process each round, so that no server profits from what it cached in an
            # earlier one
            results[program.name].rounds.append(_measure_round(at, program, options.seconds))
    if options.instructions:
        for name, counted in _count_instructions(at, options.instructions):
            results[name].instructions = counted
    return list(results.values())


def _count_instructions(at: Setup, by: str) -> Iterator[tuple[str, float | None]]:
    """Millions of instructions per request by server; counts are independent of other load."""
    counted = [program for program in at.programs if not program.name.endswith(_UNCOUNTED)]
    prepared = _pushes(at, instructions.needed(by))
    # the only part that may run in parallel: counts of instructions do not depend on other load
    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:

        def count(program: Program) -> float | None:
            with suppress(instructions.NotCounted, NotStarted):
                return instructions.per_request(program, prepared, by)
            return None

        for program, found in zip(counted, pool.map(count, counted), strict=True):
            yield program.name, found


def _measure_round(at: Setup, program: Program, seconds: float) -> Round:
    """Warm up, then measure at full speed, then latency at half of that rate."""
    with running(program, cpu=at.cores.server) as server:
        warm = _run_load(at, server, _WARM, seconds=_WARM_SECONDS)
        spent = server.cpu_seconds()
        # a warm server may be several times faster than a cold one
        full = _run_load(at, server, int(3 * warm.rps * seconds), seconds=seconds)
        spent = server.cpu_seconds() - spent
        # half of what the server can do: at full load latency measures the queue and not the server
        rate = full.rps / 2
        half = _run_load(at, server, int(1.5 * rate * seconds), seconds=seconds, rate=rate)
    # after the server has stopped, because decrypting replies would take processor time from it
    verdicts = [pushes.check_replies(shot, _CHECKED) for shot in (warm, full, half)]
    for shot in (warm, full, half):
        # a run leaves hundreds of megabytes of requests
        shot.pushes.file.unlink()
        shot.replies.unlink()
    return Round(
        rps=full.rps,
        p50=full.p50,
        p99=full.p99,
        p99_at_half=half.p99,
        cpu=spent / max(1, full.requests) * 1e6,
        checked=sum(verdict.checked for verdict in verdicts),
        wrong=dict(sum((Counter(verdict.wrong) for verdict in verdicts), Counter())),
    )


def _pushes(at: Setup, count: int) -> Pushes:
    return pushes.prepare(pushes.campaign(at.accounts, at.scripts), count, at.folder)


def _run_load(at: Setup, server: Running, count: int, **how: Any) -> LoadRun:
    return pushes.run_load(
        _pushes(at, max(1, count)),
        server.port,
        connections=_CONNECTIONS,
        wrap=at.cores.load_wrap,
        **how,
    )


def ratios(results: Sequence[Result]) -> dict[str, dict[str, float]]:
    """Requests per second of ours as a multiple of each peer's: `{ours: {peer: ratio}}`."""
    return _paired(results, lambda mine, its: mine.rps / its.rps)


def cpu_ratios(results: Sequence[Result]) -> dict[str, dict[str, float]]:
    """The same ratio by cpu time per request, which other load on the machine disturbs less."""
    return _paired(results, lambda mine, its: its.cpu / mine.cpu)


def _paired(
    results: Sequence[Result], compare: Callable[[Round, Round], float]
) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = defaultdict(dict)
    ours = [result for result in results if result.name in OURS]
    others = [result for result in results if result.name not in OURS]
    for one in ours:
        for other in others:
            # ratios within a round: both servers then ran in the same minutes
            pairs = zip(one.rounds, other.rounds, strict=True)
            found[one.name][other.name] = median(compare(mine, its) for mine, its in pairs)
    return dict(found)


def report(results: Sequence[Result]) -> JsonObject:
    """All figures as JSON."""
    return {
        "servers": {
            result.name: {
                "instructions_millions": result.instructions,
                "turns": [asdict(turn) for turn in result.rounds],
            }
            for result in results
        },
        "ratios": ratios(results),
        "cpu_ratios": cpu_ratios(results),
    }


def render(results: Sequence[Result]) -> str:
    """The figures as Markdown."""
    head = ["server", "req/s per core", "p50 ms", "p99 ms", "p99 ms at half load"]
    rows = [
        [
            result.name,
            f"{result.median('rps'):,.0f}",
            *(f"{result.median(name):.1f}" for name in ("p50", "p99", "p99_at_half")),
            f"{result.median('cpu'):.0f}",
            "-" if result.instructions is None else f"{result.instructions:.2f}",
            f"{sum(turn.checked for turn in result.rounds)}",
            tables.counts(result.wrong),
        ]
        for result in results
    ]
    table = tables.markdown([*head, "cpu µs/req", "M instr/req", "checked", "wrong"], rows)
    return "\n\n".join([table, *_comparisons(results)])


def _comparisons(results: Sequence[Result]) -> Iterator[str]:
    compared = ratios(results)
    for by, all_times in (("requests a second", compared), ("cpu time", cpu_ratios(results))):
        for one, times in all_times.items():
            said = ", ".join(f"{value:.2f} × {name}" for name, value in times.items())
            yield f"{one}, by {by}: {said}"
    yield from _instructions_compared(results)
    for peer, target in TARGETS.items():
        stronger = [
            value for name, value in compared.get("hub", {}).items() if _matches_peer(name, peer)
        ]
        if stronger:
            yield tables.target(f"hub against {peer} on gunicorn", min(stronger), target, "×")
    for result in results:
        if result.name == "hub":
            at_half = result.median("p99_at_half")
            yield tables.limit("hub, p99 at half load", at_half, P99_AT_HALF_LOAD, "ms")


def _instructions_compared(results: Sequence[Result]) -> Iterator[str]:
    counted = {one.name: one.instructions for one in results if one.instructions is not None}
    if "hub" in counted and len(counted) > 1:
        shares = ", ".join(
            f"{count / counted['hub']:.2f} for {name}"
            for name, count in counted.items()
            if name not in OURS
        )
        yield f"instructions for one of the hub's: {shares}"


def _matches_peer(name: str, peer: str) -> bool:
    return name in (peer, f"{peer}-gthread")


if __name__ == "__main__":
    raise SystemExit(main())
