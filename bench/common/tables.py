"""Tables: figures as Markdown, and whether they reach what the design asks for."""

from collections.abc import Mapping, Sequence


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns also line up in a terminal; the first is text, the others figures."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(row, widths) for row in (head, rule, *rows))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(row, widths, strict=True)
    cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]
    return f"| {' | '.join(cells)} |"


def counts(found: Mapping[str, int]) -> str:
    """How often what was found, in one cell."""
    return ", ".join(f"{name} {count}" for name, count in found.items()) or "0"


def target(what: str, reached: float, least: float, unit: str) -> str:
    """A line about a figure that should be at least something."""
    word = "reached" if reached >= least else "NOT REACHED"
    return f"{what}: {reached:.2f} {unit} (at least {least:g} {unit}): {word}"


def limit(what: str, reached: float, most: float, unit: str) -> str:
    """A line about a figure that should stay under something."""
    word = "reached" if reached < most else "NOT REACHED"
    return f"{what}: {reached:.1f} {unit} (under {most:g} {unit}): {word}"
