"""The console's pages with a city's worth of rows: server time and queries of each.

    python -m bench.pages [--rounds 5] [--messages 1000000] [--rules 20000] [--json FILE]

Every page that is read (GET) is opened by a matrix administrator, in process, after the jobs that
prepare figures have caught up. A page's queries are counted twice, in a small city and in this
one: more of them in the larger one means that they grow with rows.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import event

from bench.common.hub import hub_on_sqlite
from bench.common.programs import ROOT
from bench.common.tables import limit, markdown
from bench.seed import Size

_MOST_MS = 300.0
_SMALL = Size(accounts=4, rules=200, messages=4000)


def main() -> int:
    """Measure both cities; 1 when a page is too slow or asks more in the larger one."""
    parser = argparse.ArgumentParser(prog="bench.pages", description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rules", type=int, default=Size.rules)
    parser.add_argument("--messages", type=int, default=Size.messages)
    parser.add_argument("--json", default="")
    said = parser.parse_args()
    full = Size(rules=said.rules, messages=said.messages)
    small, large = (_measure(size, said.rounds) for size in (_SMALL, full))
    slowest = max(page["ms"] for page in large.values())
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


def _measure(size: Size, rounds: int) -> dict[str, Any]:
    """Pages by name, measured in a process of its own over a database of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        hub_on_sqlite(Path(folder)) as env,
    ):
        words = [f"{value}" for value in (size.accounts, size.rules, size.messages, rounds)]
        done = subprocess.run(
            [sys.executable, "-m", "bench.pages_worker", *words],
            cwd=ROOT,
            env={**os.environ, **env, "LOG_LEVEL": "ERROR"},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextmanager
def count_statements(engine: Any) -> Iterator[list[str]]:
    """The statements an engine runs inside."""
    seen: list[str] = []

    def note(*words: Any) -> None:
        seen.append(words[2])

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def time_page(opened: Any, rounds: int, engine: Any) -> dict[str, Any]:
    """Milliseconds and queries of a page; the first opening, which fills caches, is left out."""
    opened()
    times = []
    gc.collect()
    for _ in range(rounds):
        began = time.perf_counter()
        with count_statements(engine) as seen:
            answer = opened()
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
