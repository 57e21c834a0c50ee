"""The commands, as somebody at a terminal sees them."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import func, select

from app import cli, snapshots
from app.jobs import registry as handlers
from config import clock, jobs, settings
from config.database import session, transaction
from config.errors import DomainError
from config.jobs import Job, JobState
from config.security import crypto
from matrix import accounts
from matrix.departments import Department
from tests.helpers import forked
from tests.helpers.sample_names import SampleJob
from tests.helpers.source_tree import ROOT

POLICE = "wxdec0de0000000101"
Run = Callable[..., Result]


@pytest.fixture
def run(rolled_back: None) -> Iterator[Run]:
    """Run a command; what it prints and its exit code."""
    app = Flask("tests")
    cli.register(app)
    snapshots.reset()
    yield lambda *words, said=None: app.test_cli_runner().invoke(args=list(words), input=said)
    snapshots.reset()


@pytest.fixture
def demo(run: Run) -> Run:
    """The same, over the demonstration."""
    assert run("demo").exit_code == 0
    return run


def departments() -> int:
    return session.scalar(select(func.count()).select_from(Department)) or 0


def test_the_demonstration_is_loaded_once_and_never_over_anything(run: Run) -> None:
    assert "账号 13" in run("demo").output
    assert departments() == 33
    again = run("demo")
    assert again.exit_code == 0
    assert "没有载入" in again.output


def test_load_says_what_it_read_and_whether_anything_changed(demo: Run, tmp_path: Path) -> None:
    paths = [str(path) for path in sorted((ROOT / "config" / "demo").glob("*.yaml"))]
    assert run_of(demo("load", *paths)) == (0, "没有变化")
    extra = tmp_path / "extra.yaml"
    extra.write_text("departments: [{id: extra, name: 新单位}]\n", encoding="utf-8")
    assert run_of(demo("load", str(extra))) == (0, "共 1 处变更")


def run_of(result: Result) -> tuple[int, str]:
    return result.exit_code, result.output.strip().rstrip("。").rpartition("；")[2]


def test_a_wrong_file_is_one_line_of_error_and_changes_nothing(demo: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        "departments:\n  - {id: extra, name: 新单位}\n  - {id: other, nam: 另一个}\n",
        encoding="utf-8",
    )
    refused = demo("load", str(wrong))
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert refused.stderr == f"{wrong} 第 3 行 nam：没有这个字段，是否应为 name\n"
    assert departments() == 33


def test_export_writes_files_that_load_as_they_are(demo: Run, tmp_path: Path) -> None:
    exported = demo("export", str(tmp_path / "out"))
    assert exported.exit_code == 0
    paths = exported.output.split()
    assert {Path(path).name for path in paths} == {
        "departments.yaml",
        "accounts.yaml",
        "media.yaml",
        "services.yaml",
        "keywords.yaml",
        "articles.yaml",
    }
    assert "DemoTokenOfPolice" not in (tmp_path / "out" / "accounts.yaml").read_text("utf-8")
    assert run_of(demo("load", *paths)) == (0, "没有变化")
    demo("export", str(tmp_path / "out"), "--with-secrets")
    assert "DemoTokenOfPolice" in (tmp_path / "out" / "accounts.yaml").read_text("utf-8")


def test_explain_gives_one_json_object_a_line(demo: Run) -> None:
    said = "身份证丢了咋办\n有人溺水了\n公交车几点\n今天吃啥\n"
    result = demo("explain", "--account", POLICE, "-", "--json", said=said)
    assert result.exit_code == 0
    known, emergency, misrouted, unknown = map(json.loads, result.output.splitlines())

    assert known["text"] == "身份证丢了咋办"
    assert known["rule"] == "police.id_card"
    assert "派出所" in known["reply"]
    assert (known["emergency"], known["danger"]) == (None, None)
    assert known["suggestions"] == []
    best = known["candidates"][0]
    assert best["rule"] == "police.id_card"
    assert best["score"] == max(one["score"] for one in known["candidates"])
    assert any("“身份证" in one["reason"] for one in known["candidates"])

    assert emergency["rule"] is None
    assert (emergency["emergency"], emergency["danger"]) == ("certain", "drowning")
    assert "110" in emergency["reply"]

    assert misrouted["rule"] is None
    assert misrouted["suggestions"][0] == "transport.bus"
    assert "公交" in misrouted["reply"]

    assert unknown["rule"] is None
    assert unknown["suggestions"] == []
    for facts in (known, emergency, misrouted, unknown):
        assert set(facts) == {
            "text",
            "rule",
            "reply",
            "emergency",
            "danger",
            "suggestions",
            "candidates",
        }


def test_explain_answers_every_line_also_an_empty_one(demo: Run) -> None:
    result = demo("explain", "--account", POLICE, "--json", "-", said="\n\r\n身份证")
    texts = [json.loads(line)["text"] for line in result.output.splitlines()]
    assert texts == ["", "", "身份证"]


def test_explain_tells_a_person_the_rule_and_why(demo: Run) -> None:
    told = demo("explain", "--account", POLICE, "身份证").output
    assert "身份证办理（police.id_card）" in told
    assert "候选：police.id_card" in told
    told = demo("explain", "--account", POLICE, "有人溺水了").output
    assert "结果：紧急提示\n危险：正在发生，溺水，“溺水”" in told


def test_explain_says_that_a_paused_account_is_silent(demo: Run) -> None:
    with transaction():
        accounts.pause(accounts.get_by_appid(POLICE).id)
    told = json.loads(demo("explain", "--account", POLICE, "--json", "身份证").output)
    assert (told["rule"], told["reply"]) == (None, None)
    assert told["candidates"]
    assert "账号已暂停" in demo("explain", "--account", POLICE, "身份证").output


def test_explain_of_an_unknown_account_is_refused(demo: Run) -> None:
    refused = demo("explain", "--account", "wx0000000000000000", "身份证")
    assert refused.exit_code == 1
    assert refused.stderr == "没有 appid 为 wx0000000000000000 的账号。\n"


class Refused(DomainError):
    text = "微信拒绝了"


def test_dead_jobs_are_listed_and_given_a_new_life(run: Run) -> None:
    def fail(**_: object) -> None:
        raise Refused

    jobs.register(transactional={}, non_transactional={SampleJob.FAIL: fail})
    with transaction():
        number = jobs.enqueue(SampleJob.FAIL)
    assert number is not None
    assert run("jobs").output == "没有失败的任务。\n"
    assert jobs.run(number, now=clock.now() + timedelta(seconds=1)) is JobState.DEAD
    for words in (["jobs"], ["jobs", "list"]):
        listed = run(*words).output
        assert f"{number}  " in listed
        assert "微信拒绝了" in listed

    assert run("jobs", "revive", str(number)).exit_code == 0
    assert session.get_one(Job, number).state is JobState.WAITING
    again = run("jobs", "revive", str(number))
    assert again.exit_code == 1
    assert again.stderr == f"没有编号为 {number} 的失败任务。\n"
    handlers.register()


def test_reseal_encrypts_every_secret_with_the_first_key(
    demo: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = settings.get().field_keys[0], Fernet.generate_key().decode()
    monkeypatch.setenv("FIELD_KEYS", f"{new},{old}")
    settings.reset()
    assert demo("reseal").output == "已用当前密钥重新加密 13 行。\n"
    monkeypatch.setenv("FIELD_KEYS", new)
    settings.reset()
    session.expire_all()
    account = accounts.get_by_appid(POLICE)
    assert account.secret.startswith("demosecretofpolice")
    assert account.previous_token is None

    monkeypatch.setenv("FIELD_KEYS", old)
    settings.reset()
    session.expire_all()
    refused = demo("reseal")
    assert refused.exit_code == 1
    assert "FIELD_KEYS" in refused.stderr
    with pytest.raises(crypto.DecryptionFailed):
        accounts.get_by_appid(POLICE)
    monkeypatch.undo()
    settings.reset()


def flask(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command as a process of its own."""
    return forked.run(
        ["flask", "--app", "wsgi", *words], env={**os.environ, **environment}, cwd=ROOT
    )


@pytest.mark.processes
def test_a_process_migrates_loads_and_refuses_with_an_exit_code(tmp_path: Path) -> None:
    place = {"DATABASE_URL": f"sqlite:///{tmp_path / 'hub.sqlite3'}", "LOG_LEVEL": "ERROR"}
    early = flask("demo", **place)
    assert early.returncode == 1
    assert "migrate" in early.stderr
    assert "Traceback" not in early.stderr

    assert flask("migrate", **place).returncode == 0
    assert "账号 13" in flask("demo", **place).stdout
    refused = flask("load", "nowhere.yaml", **place)
    assert refused.returncode == 1
    assert refused.stderr.strip().splitlines()[-1] == "nowhere.yaml：文件不存在或无法读取"
    assert "Traceback" not in refused.stderr


@pytest.mark.processes
def test_a_wrong_setting_stops_a_command_with_one_line() -> None:
    refused = flask("demo", PORT="many")
    assert refused.returncode != 0
    assert "PORT" in refused.stderr
    assert "Traceback" not in refused.stderr
