"""What the documents must tell: settings, commands, decisions, and pictures that are there."""

import re

import pytest
from flask import Flask

from app import cli
from app.console import NAVIGATION
from config.settings import Settings
from tests.helpers.source_tree import ROOT, format_findings

READMES = ("README.md", "README.zh-CN.md")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_setting_stands_in_the_operations_with_its_meaning() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| .*? \| (.*) \|$", text("docs/operations.md"), re.M))
    meant = {name.upper(): field.description for name, field in Settings.model_fields.items()}
    assert rows == meant


@pytest.mark.parametrize("readme", READMES)
def test_every_command_stands_in_the_readme(readme: str) -> None:
    app = Flask("tests")
    before = set(app.cli.commands)
    cli.register(app)
    commands = set(app.cli.commands) - before
    assert {"migrate", "load", "explain"} <= commands
    missing = [name for name in sorted(commands) if f"| `{name}" not in text(readme)]
    assert not missing, format_findings(missing)
    assert all(app.cli.commands[name].get_short_help_str() for name in commands)


@pytest.mark.parametrize("readme", READMES)
def test_the_readme_begins_with_two_commands_and_a_picture(readme: str) -> None:
    first_screen = "\n".join(text(readme).splitlines()[:30])
    assert re.search(r"^make run\b", first_screen, re.M)
    assert re.search(r"^make test\b", first_screen, re.M)
    assert "docs/images/phone.png" in first_screen


@pytest.mark.parametrize("name", [*READMES, "docs/decisions/README.md"])
def test_links_lead_to_files_that_are_there(name: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text(name))
    assert targets
    folder = (ROOT / name).parent
    lost = [target for target in targets if not (folder / target).exists()]
    assert not lost, format_findings(lost)


def test_every_decision_stands_in_the_index() -> None:
    index = text("docs/decisions/README.md")
    decisions = [path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")]
    missing = [name for name in sorted(decisions) if f"({name})" not in index]
    assert not missing, format_findings(missing)


def test_pictures_of_the_console_and_the_guides_that_show_them_belong_together() -> None:
    folder = ROOT / "docs" / "guides"
    named = {
        (path.parent / target).resolve()
        for path in [*folder.glob("*.md"), *(ROOT / name for name in READMES)]
        for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", path.read_text(encoding="utf-8"))
    }
    lost = [str(path) for path in sorted(named) if not path.exists()]
    assert not lost, format_findings(lost)
    taken = {path.resolve() for path in (ROOT / "docs" / "images" / "console").glob("*.png")}
    assert taken <= named


def test_every_page_of_the_navigation_stands_in_a_guide() -> None:
    guides = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "guides").glob("*.md")
    )
    labels = [entry.label for _, entries in NAVIGATION for entry in entries]
    missing = [label for label in labels if label not in guides]
    assert not missing, format_findings(missing)
