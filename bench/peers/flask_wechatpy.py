"""A plain Flask bot with wechatpy: one view that checks, decrypts, looks up and encrypts.

Exact keywords are in a dict, the others are tried in order; the crypto object of each account is
made once, as a careful author would do.
"""

import re
from collections.abc import Callable

from flask import Flask, abort, request
from wechatpy import create_reply, parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException, InvalidSignatureException
from wechatpy.utils import check_signature

from bench.peers.bot import Rule, load_config

bot = load_config()
accounts = {account.appid: account for account in bot.accounts}
cryptos = {
    account.appid: WeChatCrypto(account.token, account.aes_key, account.appid)
    for account in bot.accounts
}


def _test(rule: Rule) -> Callable[[str], object]:
    if rule.kind == "contains":
        return lambda text: rule.pattern in text
    if rule.kind == "prefix":
        return lambda text: text.startswith(rule.pattern)
    return re.compile(rule.pattern).search


exact: dict[str, tuple[int, str]] = {}
others: list[tuple[int, Callable[[str], object], str]] = []
for place, rule in enumerate(bot.rules):
    if rule.kind == "exact":
        # the first rule wins, as with the others
        exact.setdefault(rule.pattern, (place, rule.reply))
    else:
        others.append((place, _test(rule), rule.reply))

app = Flask(__name__)


def answer(text: str) -> str:
    """The reply of the first rule that matches."""
    first, reply = exact.get(text, (len(bot.rules), bot.fallback))
    for place, fits, other in others:
        if place > first:
            break
        if fits(text):
            return other
    return reply


@app.route("/wechat/<appid>", methods=["GET", "POST"])
def wechat(appid: str) -> str:
    """The callback URL."""
    account = accounts.get(appid)
    if account is None:
        abort(404)
    stamp, nonce = request.args.get("timestamp", ""), request.args.get("nonce", "")
    try:
        check_signature(account.token, request.args.get("signature", ""), stamp, nonce)
    except InvalidSignatureException:
        abort(403)
    if request.method == "GET":
        return request.args.get("echostr", "")
    crypto = cryptos[appid]
    try:
        xml = crypto.decrypt_message(
            request.data, request.args.get("msg_signature", ""), stamp, nonce
        )
    except (InvalidSignatureException, InvalidAppIdException):
        abort(403)
    message = parse_message(xml)
    text = answer(message.content) if message.type == "text" else bot.fallback
    sealed: str = crypto.encrypt_message(create_reply(text, message).render(), nonce, stamp)
    return sealed
