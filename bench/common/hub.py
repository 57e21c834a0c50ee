"""The hub itself under test: its own set-up commands and its Procfile's web process.

Database, Redis and keys are in a folder of their own. No worker and no scheduler run, because
the peers have none either.
"""

import base64
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from honcho.environ import parse_procfile

from bench.common.json_object import JsonObject
from bench.common.programs import BIN, ROOT, Program, on_cpu
from bench.load.protocol import Account
from bench.load.scripts import Kind, Rule
from tests.helpers import subprocesses
from tests.helpers.postgres import PostgresServer
from tools import embedded_redis

_DEPARTMENT = "bench"
_FIELDS = {Kind.EXACT: "exact", Kind.CONTAINS: "keywords", Kind.REGEX: "patterns"}


class SetUpFailed(Exception):
    """A command of the hub failed; the message is its output."""


@contextmanager
def hub_on_sqlite(folder: Path) -> Iterator[dict[str, str]]:
    """Environment of a hub on SQLite, with its Redis running."""
    folder.mkdir(parents=True, exist_ok=True)
    with _environment(folder, f"sqlite:///{folder}/hub.sqlite3") as env:
        yield env


@contextmanager
def hub_on_postgres(folder: Path, cpu: int | None) -> Iterator[dict[str, str]]:
    """Environment of a hub on PostgreSQL, which runs on the hub's cpu, with its Redis running."""
    folder.mkdir(parents=True, exist_ok=True)
    # the database shares the core of the hub: peers have none, so its work counts as the hub's
    with on_cpu(cpu):
        server = PostgresServer()
    with server, _environment(folder, server.url) as env:
        yield env


def web(name: str, env: dict[str, str]) -> Program:
    """The web process as the Procfile starts it."""
    commands: dict[str, str] = parse_procfile(
        (ROOT / "Procfile").read_text(encoding="utf-8")
    ).processes
    # doubled, because str.format must leave the braces of the shell alone
    command = commands["web"].replace("{", "{{").replace("}", "}}")
    return Program(name, ["sh", "-c", command], env)


def set_up(env: dict[str, str], accounts: list[Account], rules: list[Rule]) -> None:
    """Migrate, and load accounts and rules. Raises SetUpFailed."""
    file = Path(env["VAR_DIR"], "bench.yaml")
    file.write_text(
        yaml.safe_dump(_document(accounts, rules), allow_unicode=True, sort_keys=False),
        encoding="utf-8",
    )
    flask(env, "migrate")
    flask(env, "load", str(file))


def flask(env: dict[str, str], *words: str) -> str:
    """Run a Flask command of the hub; returns its output. Raises SetUpFailed."""
    done = subprocess.run(
        [BIN / "flask", "--app", "wsgi", *words],
        cwd=ROOT,
        env={**os.environ, **env},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise SetUpFailed(f"flask {' '.join(words)}: {done.stdout}{done.stderr}".strip()[-2000:])
    return done.stdout


@contextmanager
def _environment(folder: Path, database_url: str) -> Iterator[dict[str, str]]:
    socket = folder / "redis.sock"
    log = folder / "redis.log"
    process = subprocesses.start(embedded_redis.command(socket), log=log)
    try:
        subprocesses.wait_until(socket.exists, process=process, log=log)
        yield {
            "VAR_DIR": str(folder),
            "DATABASE_URL": database_url,
            "REDIS_URL": f"unix://{socket}",
            "SECRET_KEY": "a secret of the benchmark and nothing else",
            "FIELD_KEYS": base64.urlsafe_b64encode(b"benchmarks have nothing to hide!").decode(),
            # any address will do: no page is opened by these benchmarks
            "PUBLIC_URL": "http://127.0.0.1",
            # a closed port: a benchmark must not reach WeChat
            "WECHAT_API_URL": "http://127.0.0.1:9",
            "WECHAT_OPEN_URL": "http://127.0.0.1:9",
            "HOST": "127.0.0.1",
            # the peers find nothing by meaning either; set it to measure the hub with it
            "SENTENCE_ENCODER": os.environ.get("SENTENCE_ENCODER", "off"),
            # under callgrind minutes pass between signing a push and posting it
            "CALLBACK_WINDOW": "86400",
        }
    finally:
        subprocesses.stop(process)


def _document(accounts: list[Account], rules: list[Rule]) -> JsonObject:
    return {
        "version": 1,
        "departments": [{"id": _DEPARTMENT, "name": "测试部门", "kind": "政府部门"}],
        "accounts": [_account(account, place) for place, account in enumerate(accounts, 1)],
        "rules": [_rule(rule, place) for place, rule in enumerate(rules)],
    }


def _account(account: Account, place: int) -> JsonObject:
    return {
        "appid": account.appid,
        "original_id": account.original_id,
        "department": _DEPARTMENT,
        "name": f"测试账号{place}",
        "kind": "service",
        "verified": True,
        "mode": "safe",
        "token": account.token,
        "aes_key": account.aes_key,
        # never used, because nothing calls WeChat
        "secret": "0" * 32,
    }


def _rule(rule: Rule, place: int) -> JsonObject:
    listed: JsonObject = (
        {"keywords": [{"text": rule.pattern, "mode": "prefix"}]}
        if rule.kind is Kind.PREFIX
        else {_FIELDS[rule.kind]: [rule.pattern]}
    )
    return {
        "id": f"bench.{place}",
        "department": _DEPARTMENT,
        "name": f"规则{place}",
        **listed,
        "reply": {"type": "text", "content": rule.reply},
    }
