"""How the peers are started: each with the server its own documentation names."""

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

    gunicorn is run both with its plain worker and with threads, for the stronger of the two to
    be compared with; Granian shows what the server alone makes of it.
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
        *([Program("koa", ["node", str(_NODE / "bot.js")], env)] if has_node() else []),
    ]


def install_node_packages() -> None:
    """Fetch what the Node peer needs, where there is npm; without, it does not take part."""
    if has_node() or not shutil.which("npm"):
        return
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=_NODE, check=False, capture_output=True)


def has_node() -> bool:
    """Whether the Node peer can be started."""
    return shutil.which("node") is not None and (_NODE / "node_modules" / "koa").exists()


def _gunicorn(application: str, *options: str) -> list[str]:
    command = [str(BIN / "gunicorn"), "--bind", "127.0.0.1:{port}", "--workers", "1"]
    # no time limit: under callgrind a request takes its time
    return [*command, "--timeout", "0", "--log-level", "warning", *options, application]


def _granian(application: str) -> list[str]:
    command = [str(BIN / "granian"), "--interface", "wsgi", "--host", "127.0.0.1"]
    command += ["--port", "{port}", "--workers", "1", "--blocking-threads", "4", "--no-ws"]
    return [*command, "--log-level", "warning", application]
