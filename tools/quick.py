"""The inner loop: format, lint, types, and the tests of what has changed since the last commit.

    changed file ──┬── a test: itself
                   ├── a helper of tests: the tests that import it
                   └── a module: the tests that import it, and those at its place in tests/
                       and the conventions that look at the sources

Tests that start processes or browsers are left to `make sure`, and so is PostgreSQL. More modules
change than a minute allows? Then the nearest tests run, and it prints how many were left out.
"""

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CODE = ("config", "keywords", "services", "matrix", "app", "simulator", "bench", "tools")
# conventions that a change of any source may break, and that take seconds to check
CONVENTIONS = (
    "test_imports",
    "test_sizes",
    "test_audit_labels",
    "test_jobs",
    "test_routes",
    "test_documentation",
)
MAX_TEST_FILES = 12  # what two cores run in a minute


def main() -> int:
    """Run all steps; the first that fails ends it. Returns its exit code."""
    changed = list(_changed())
    ran = [str(path) for path in changed if path.suffix == ".py" and (ROOT / path).exists()]
    # cheapest first: a wrong format should not cost a type check
    steps = [
        ["ruff", "format", "--check", "--quiet", *ran],
        ["ruff", "check", "--quiet", *ran],
        ["mypy", "--no-error-summary"],
    ]
    tests = chosen(changed)
    if tests:
        # they take longer than the minute this command has
        left_out = "not processes and not browser and not postgresql"
        steps.append(["pytest", "-q", "-n", "2", "-k", left_out, *map(str, tests)])
    for step in steps if ran else ():
        status = subprocess.run([Path(sys.executable).parent / step[0], *step[1:]], cwd=ROOT)
        if status.returncode:
            return status.returncode
    return 0


def _changed() -> Iterator[Path]:
    """Files that differ from the last commit, also new ones."""
    said = subprocess.run(
        # -z, because git quotes names with other than ASCII characters otherwise
        ["git", "status", "--porcelain", "--untracked-files=all", "--no-renames", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    yield from (Path(line[3:]) for line in said.stdout.split("\0") if line)


def chosen(changed: Iterable[Path]) -> list[Path]:
    """The test files of changed files, nearest first."""
    paths = [path for path in changed if path.suffix == ".py"]
    tests = {path for path in paths if path.name.startswith("test_") and path.parts[0] == "tests"}
    modules = {_module(path) for path in paths} - {_module(path) for path in tests}
    near = {test for path in paths if path.parts[0] in CODE for test in _mirrored(path)}
    found = [path for path in (*sorted(tests), *sorted(near)) if (ROOT / path).exists()]
    importing = sorted(path for path in _tests() if modules & _imported(path))
    every = list(dict.fromkeys([*found, *importing]))
    if len(every) > MAX_TEST_FILES:
        left_out = len(every) - MAX_TEST_FILES
        sys.stderr.write(f"quick: {left_out} of {len(every)} test files are left out\n")
    conventions = [Path(f"tests/conventions/{name}.py") for name in CONVENTIONS if modules]
    return [*every[:MAX_TEST_FILES], *(path for path in conventions if (ROOT / path).exists())]


def _mirrored(path: Path) -> list[Path]:
    """The tests that mirror a module: its own file, and that of its folder."""
    folder = Path("tests", *path.parts[:-1])
    return [folder / f"test_{path.stem}.py", folder.parent / f"test_{folder.name}.py"]


def _tests() -> Iterator[Path]:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        yield path.relative_to(ROOT)


def _module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path) -> set[str]:
    """What a file imports by name: modules, and names that may be modules."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


if __name__ == "__main__":
    sys.exit(main())
