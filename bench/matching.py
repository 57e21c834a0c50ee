"""Matching: the cost of a message as the number of keywords grows, beside the usual libraries.

    python bench/matching.py [--json] [--up-to N]

Keywords are random words of two to six common characters, ten per rule; messages have twenty
characters and every second one contains a keyword. "full" is everything the matcher does: folding,
dialect, contains, homophones. The peers only search for contained words in text that is already
folded, so the ratio is in their favour.
"""

import argparse
import json
import random
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

sys.path.insert(
    0, str(Path(__file__).parents[1])
)  # run as a script, the project is not on the path

from ahocorasick_rs import AhoCorasick

from keywords.language import normalize
from keywords.matching.matcher import Matcher
from keywords.rules.replies import Text
from keywords.rules.values import Keyword, MatchInput, Rule

if find_spec("ahocorasick"):
    import ahocorasick
else:
    # optional: pyahocorasick has no wheel for every platform
    ahocorasick = None

# from one department to far beyond a city, to see whether the cost grows with the rules
SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
LENGTH = 20
# more than the cache of `normalize` holds, so that every message is normalized anew
MESSAGES = 1000
KEYWORDS_A_RULE = 10
# long enough for several rounds of a thousand messages at the usual microseconds each
SECONDS = 0.5
NOW = datetime(2026, 6, 2, 3, tzinfo=UTC)
# linear methods would take minutes to measure beyond these sizes
MOST = {"linear scan": 100_000, "alternation": 10_000}
# the 3,755 common characters of GB 2312, level 1
CHARACTERS = "".join(
    bytes((row, cell)).decode("gb2312")
    for row in range(0xB0, 0xD8)
    for cell in range(0xA1, 0xFF if row < 0xD7 else 0xFA)
)


T = TypeVar("T")


def words(count: int, chance: random.Random) -> list[str]:
    """Distinct random keywords."""
    # a dict as an ordered set: a set of texts would give another order in each process
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(chance.choices(CHARACTERS, k=chance.randint(2, 6)))] = None
    return list(found)


def messages(listed: list[str], chance: random.Random) -> list[str]:
    """Messages of twenty characters; every second one contains a keyword."""
    made = []
    for number in range(MESSAGES):
        text = "".join(chance.choices(CHARACTERS, k=LENGTH))
        if number % 2:
            word = chance.choice(listed)
            at = chance.randint(0, LENGTH - len(word))
            text = text[:at] + word + text[at + len(word) :]
        made.append(text)
    return made


def rules(listed: list[str]) -> list[Rule]:
    """The keywords as rules with ten keywords each."""
    return [
        Rule(
            slug=f"rule.{at:07}",
            name=f"规则{at}",
            keywords=tuple(Keyword(word) for word in listed[at : at + KEYWORDS_A_RULE]),
            replies=(Text("答复"),),
        )
        for at in range(0, len(listed), KEYWORDS_A_RULE)
    ]


def cost(answer: Callable[[str], object], texts: list[str]) -> float:
    """Microseconds per message, the best of the rounds that fit into half a second."""
    best, until = float("inf"), time.perf_counter() + SECONDS
    sample = texts
    while True:
        started = time.perf_counter()
        for text in sample:
            answer(text)
        took = time.perf_counter() - started
        # the best and not the mean: whatever else the machine does can only add time
        best = min(best, took / len(sample) * 1e6)
        if time.perf_counter() > until:
            return best
        if took > SECONDS:
            # slow methods at large sizes: a round of all messages would take minutes
            sample = texts[: max(5, len(texts) // 20)]


def build_timed(make: Callable[[], T]) -> tuple[T, float]:
    """The built object, and the seconds it took."""
    started = time.perf_counter()
    made = make()
    return made, time.perf_counter() - started


def resident_memory() -> float:
    """Resident memory of this process in megabytes."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    # the second field of statm counts resident pages
    return pages * 4096 / 1e6


def peer_matchers(listed: list[str]) -> dict[str, Callable[[str], object]]:
    """Other methods to find the keywords in a text."""
    found: dict[str, Callable[[str], object]] = {}
    automaton = AhoCorasick(listed)
    found["ahocorasick_rs alone"] = lambda text: automaton.find_matches_as_indexes(
        text, overlapping=True
    )
    if ahocorasick is not None:
        # both libraries are given the same words, so the difference is theirs
        tree = ahocorasick.Automaton()
        for number, word in enumerate(listed):
            tree.add_word(word, number)
        tree.make_automaton()
        found["pyahocorasick alone"] = lambda text: list(tree.iter(text))
    if len(listed) <= MOST["linear scan"]:
        found["linear scan"] = lambda text: [word for word in listed if word in text]
    if len(listed) <= MOST["alternation"]:
        pattern = re.compile("|".join(sorted(listed, key=len, reverse=True)))
        found["alternation"] = pattern.search
    return found


def measure(count: int) -> dict[str, float]:
    """All figures at one size."""
    # seeded by the size, so that a size gives the same words whichever sizes ran before
    chance = random.Random(count)
    listed = words(count, chance)
    texts = messages(listed, chance)
    values = rules(listed)
    # resident memory of the process, because a compiled automaton is not visible to Python's own
    # accounting
    before = resident_memory()
    matcher, seconds = build_timed(lambda: Matcher(values))
    grown = resident_memory() - before
    occasions = {text: MatchInput(text) for text in texts}
    full = cost(lambda text: matcher.match(occasions[text], now=NOW), texts)
    return {
        "keywords": count,
        "build_seconds": round(seconds, 3),
        "megabytes": round(grown, 1),
        "full": round(full, 2),
        "explain": round(cost(lambda text: matcher.explain(occasions[text], now=NOW), texts), 2),
        "normalize": round(cost(normalize.normalize, texts), 2),
        **{name: round(cost(way, texts), 2) for name, way in peer_matchers(listed).items()},
    }


def main() -> None:
    """Print a row per size with microseconds per message, then the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--up-to", type=int, default=SIZES[-1], help="keywords of the largest size")
    chosen = parser.parse_args()
    # lexicons and their compiled patterns load at the first match; they belong to no size
    Matcher(rules(words(10, random.Random(0)))).match(MatchInput("先热身一次"), now=NOW)
    rows = []
    for size in SIZES:
        if size > chosen.up_to:
            break
        rows.append(measure(size))
        print(" | ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    print(f"\nfull at {rows[-1]['keywords']:,} / at 100: {rows[-1]['full'] / rows[0]['full']:.2f}")
    for row in rows:
        if "linear scan" in row:
            ratio = row["linear scan"] / row["full"]
            print(f"linear scan / full at {row['keywords']:,}: {ratio:.1f}")


if __name__ == "__main__":
    main()
