"""`python -m bench`, as `make bench` calls it: every part runs and gives its figures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import PARTS
from tests.helpers.processes import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *options]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


def test_every_part_runs_at_its_tiniest_and_gives_figures(tmp_path: Path) -> None:
    done = run("--tiny", "--reports", str(tmp_path))

    assert done.returncode == 0, done.stdout + done.stderr
    (report,) = tmp_path.glob("*.md")
    (figures,) = (json.loads(file.read_text("utf-8")) for file in tmp_path.glob("*.json"))
    assert set(figures["figures"]) == {part.name for part in PARTS}
    for part in PARTS:
        assert figures["figures"][part.name], f"{part.name} gave no figures"
        assert f"## {part.title}" in report.read_text("utf-8")
    assert "exit status" not in done.stdout


def test_a_part_can_be_run_alone(tmp_path: Path) -> None:
    done = run("--tiny", "--only", "matching", "--reports", str(tmp_path))

    assert done.returncode == 0, done.stdout + done.stderr
    (figures,) = (json.loads(file.read_text("utf-8")) for file in tmp_path.glob("*.json"))
    assert [row["keywords"] for row in figures["figures"]["matching"]] == [100]
