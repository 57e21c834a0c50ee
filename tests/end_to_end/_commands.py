"""Commands of the hub, as who keeps it running types them."""

import subprocess
import sys
from pathlib import Path

import yaml

from tests.helpers.processes import ROOT, Processes


def flask(processes: Processes, *words: str | Path) -> str:
    """Run `flask --app wsgi …` beside the processes. Returns what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *map(str, words)],
        cwd=ROOT,
        env=processes.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def load(processes: Processes, **sections: object) -> str:
    """Load a YAML file of these sections."""
    path = processes.folder / "more.yaml"
    path.write_text(yaml.safe_dump({"version": 1, **sections}, allow_unicode=True), "utf-8")
    return flask(processes, "load", path)
