"""Commands of the hub, as who keeps it running types them."""

from pathlib import Path

import yaml

from tests.helpers import forked
from tests.helpers.processes import ROOT, Processes


def flask(processes: Processes, *words: str | Path) -> str:
    """Run `flask --app wsgi …` beside the processes. Returns what it said."""
    command = ["flask", "--app", "wsgi", *map(str, words)]
    done = forked.run(command, env=processes.environment, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def load(processes: Processes, **sections: object) -> str:
    """Load a YAML file of these sections."""
    path = processes.folder / "more.yaml"
    path.write_text(yaml.safe_dump({"version": 1, **sections}, allow_unicode=True), "utf-8")
    return flask(processes, "load", path)
