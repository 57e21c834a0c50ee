"""The console's pages with a city's worth of rows: server time and queries of each.

    python -m bench.pages [--rounds 5] [--messages 1000000] [--rules 20000] [--json FILE]

A matrix administrator opens every page (GET), in process, after the jobs that compute figures have
caught up. Queries are counted in a small city and in this one: more of them in the larger one
means that their number grows with the rows.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from sqlalchemy import Engine, event
from werkzeug.test import TestResponse

from bench.common.hub import hub_on_sqlite
from bench.common.json_object import JsonObject
from bench.common.programs import ROOT
from bench.common.tables import limit, markdown
from bench.seed import Size

# the design's limit for the server's share of a page
_MOST_MS = 300.0
# few rows, but more than a page shows, so that paging takes place in both cities
_SMALL = Size(accounts=4, rules=200, messages=4000)


def main() -> int:
    """Measure both cities; 1 when a page is too slow or runs more queries in the larger one."""
    parser = argparse.ArgumentParser(prog="bench.pages", description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rules", type=int, default=Size.rules)
    parser.add_argument("--messages", type=int, default=Size.messages)
    parser.add_argument("--json", default="")
    said = parser.parse_args()
    full = Size(rules=said.rules, messages=said.messages)
    # never more than in the larger one, which is small itself in a tiny run
    few = replace(_SMALL, messages=min(_SMALL.messages, full.messages))
    small, large = (_measure(size, said.rounds) for size in (few, full))
    slowest = max(page["ms"] for page in large.values())
    # the number of queries is exact where times are not: one query a row shows up on any machine
    growing = [name for name in large if large[name]["queries"] > small[name]["queries"]]
    rows = [
        (name, f"{page['ms']:.0f}", f"{page['most_ms']:.0f}", str(page["queries"]))
        for name, page in sorted(large.items(), key=lambda item: -item[1]["ms"])
    ]
    print(f"{full.accounts} accounts, {full.rules:,} rules, {full.messages:,} messages, SQLite\n")
    print(markdown(("page", "median ms", "most ms", "queries"), rows))
    print(f"\n{limit('slowest page', slowest, _MOST_MS, 'ms')}")
    print(f"pages whose queries grow with rows: {', '.join(growing) or 'none'}")
    if said.json:
        Path(said.json).write_text(json.dumps(large, ensure_ascii=False), encoding="utf-8")
    return int(slowest >= _MOST_MS or bool(growing))


def _measure(size: Size, rounds: int) -> JsonObject:
    """Pages by name, measured in a process of its own over a database of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        hub_on_sqlite(Path(folder)) as env,
    ):
        words = [f"{value}" for value in (size.accounts, size.rules, size.messages, rounds)]
        done = subprocess.run(
            [sys.executable, "-m", "bench.pages_worker", *words],
            cwd=ROOT,
            # a line of log for each request would be measured with it
            env={**os.environ, **env, "LOG_LEVEL": "ERROR"},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    found: JsonObject = json.loads(done.stdout)
    return found


@contextmanager
def count_statements(engine: Engine) -> Iterator[list[str]]:
    """The statements that an engine runs inside the block."""
    seen: list[str] = []

    def note(*arguments: object) -> None:
        # connection, cursor, statement, …: see DBAPI events of SQLAlchemy
        seen.append(str(arguments[2]))

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    # listeners add up otherwise, and each round would count the queries of those before
    event.remove(engine, "before_cursor_execute", note)


def time_page(open_page: Callable[[], TestResponse], rounds: int, engine: Engine) -> JsonObject:
    """Milliseconds and queries of a page; the first request, which fills caches, is left out."""
    open_page()
    times = []
    # garbage of earlier pages would be collected in the middle of this one
    gc.collect()
    for _ in range(rounds):
        began = time.perf_counter()
        with count_statements(engine) as seen:
            answer = open_page()
        times.append((time.perf_counter() - began) * 1000)
    return {
        "ms": median(times),
        "most_ms": max(times),
        "queries": len(seen),
        "status": answer.status_code,
        "kb": len(answer.data) / 1000,
    }


if __name__ == "__main__":
    raise SystemExit(main())
