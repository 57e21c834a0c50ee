"""A WeRoBot bot: one filter per keyword, as its documentation shows, in safe mode.

A robot serves one account, so each account has its own robot at its own path. Sessions are off:
they would write a SQLite row for every message, and keywords do not need them.
"""

import re
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werobot import WeRoBot

from bench.peers.bot import Account, Rule, load_config

bot = load_config()


def _filter(rule: Rule) -> str | re.Pattern[str]:
    """What WeRoBot compares with: a text for equality, or an expression that must match at the
    start.
    """
    if rule.kind == "exact":
        return rule.pattern
    if rule.kind == "contains":
        # WeRoBot matches at the start only
        return re.compile(".*" + re.escape(rule.pattern), re.DOTALL)
    if rule.kind == "prefix":
        return re.compile(re.escape(rule.pattern))
    return re.compile(".*" + rule.pattern, re.DOTALL)


def _handler(reply: str) -> Callable[[], str]:
    return lambda: reply


def robot(account: Account) -> WSGIApplication:
    """The WSGI application of one account."""
    made = WeRoBot(
        token=account.token,
        app_id=account.appid,
        encoding_aes_key=account.aes_key,
        SESSION_STORAGE=False,
    )
    for rule in bot.rules:
        made.filter(_filter(rule))(_handler(rule.reply))
    made.handler(_handler(bot.fallback))
    application: WSGIApplication = made.wsgi
    return application


robots = {f"/wechat/{account.appid}": robot(account) for account in bot.accounts}


def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    """Each account's robot at its own path."""
    found = robots.get(environ["PATH_INFO"])
    if found is None:
        start("404 Not Found", [("Content-Length", "0")])
        return []
    answered: Iterable[bytes] = found(environ, start)
    return answered
