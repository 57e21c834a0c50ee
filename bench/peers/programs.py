"""How the peers are started: each with the server that its documentation recommends."""

import json
import shutil
import subprocess
from pathlib import Path

from bench.common.programs import BIN, Program
from bench.load.protocol import Account
from bench.load.scripts import Rule

_NODE = Path(__file__).with_name("node")
FALLBACK = "您好，暂时没有找到相应的答复。"


def peers(accounts: list[Account], rules: list[Rule], folder: Path) -> list[Program]:
    """The peers with the same accounts and rules; their bot is written into `folder`.

    gunicorn runs both with its plain worker and with threads, and the faster one is compared with;
    Granian shows how much the server alone contributes.
    """
    bot = folder / "bot.json"
    said = {
        "accounts": [account.as_json() for account in accounts],
        "rules": [rule.as_json() for rule in rules],
        "fallback": FALLBACK,
    }
    bot.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
    env = {"BENCH_BOT": str(bot)}
    flask, werobot = "bench.peers.flask_wechatpy:app", "bench.peers.werobot_bot:app"
    threads = ("--worker-class", "gthread", "--threads", "4")
    return [
        Program("flask", _gunicorn(flask), env),
        Program("flask-gthread", _gunicorn(flask, *threads), env),
        Program("werobot", _gunicorn(werobot), env),
        Program("werobot-gthread", _gunicorn(werobot, *threads), env),
        Program("flask-granian", _granian(flask), env),
        # for orientation only: no target compares the hub with another language
        *([Program("koa", ["node", str(_NODE / "bot.js")], env)] if has_node() else []),
    ]


def install_node_packages() -> None:
    """Install the packages of the Node peer; without npm it does not take part."""
    if has_node() or not shutil.which("npm"):
        return
    # the lock file pins what is installed; no script of a package runs
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=_NODE, check=False, capture_output=True)


def has_node() -> bool:
    """Whether the Node peer can be started."""
    return shutil.which("node") is not None and (_NODE / "node_modules" / "koa").exists()


def _gunicorn(application: str, *options: str) -> list[str]:
    command = [str(BIN / "gunicorn"), "--bind", "127.0.0.1:{port}", "--workers", "1"]
    # no timeout: under callgrind a request takes seconds
    return [*command, "--timeout", "0", "--log-level", "warning", *options, application]


def _granian(application: str) -> list[str]:
    command = [str(BIN / "granian"), "--interface", "wsgi", "--host", "127.0.0.1"]
    # one worker and four threads, as many as gunicorn has above
    command += ["--port", "{port}", "--workers", "1", "--blocking-threads", "4", "--no-ws"]
    return [*command, "--log-level", "warning", application]
