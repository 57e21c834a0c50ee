"""Command `explain`: which rule answers a text at an account, and why.

The verdict is the callback's own: the text goes through `dialogue.answer` as a citizen's message
would, over the same compiled rules. Candidates and reasons come from the keywords' book.
"""

import json
from collections.abc import Iterator
from typing import Any

import click

from app import live
from app.cli.speaking import Command
from app.dialogue import Answer
from app.explaining import Judgement, judge, reason
from config import clock
from config.errors import NotFound
from keywords.rules import Occasion
from matrix.wechat import replies


class NoAccount(NotFound):
    """The appid is not one of ours."""

    text = "没有 appid 为 {appid} 的账号。"


@click.command(cls=Command)
@click.option("--account", "appid", required=True, metavar="APPID", help="The account written to.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.argument("text")
def explain(appid: str, text: str, as_json: bool) -> None:
    """Tell which rule answers TEXT and why; `-` reads one text a line."""
    picture = live.refresh()
    account = picture.accounts.get(appid)
    if account is None:
        raise NoAccount(appid=appid)
    for line in _lines(text):
        judged = judge(Occasion(line), account, picture, now=clock.now())
        if as_json:
            click.echo(json.dumps(_facts(judged), ensure_ascii=False))
        else:
            click.echo("\n".join(_told(judged)))


COMMANDS = (explain,)


def _lines(text: str) -> Iterator[str]:
    if text != "-":
        yield text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return
    with click.open_file("-", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            yield line.rstrip("\r\n")


def _facts(judged: Judgement) -> dict[str, Any]:
    return {
        "text": judged.occasion.text,
        "rule": judged.answer.rule_code,
        "reply": _words(judged.answer),
        "emergency": judged.answer.alarm is not None,
        "suggestions": [rule.code for rule in judged.suggestions],
        "candidates": [
            {
                "rule": candidate.rule.code,
                "score": candidate.score,
                "reason": reason(candidate),
            }
            for candidate in judged.verdict.candidates
        ],
    }


def _words(answer: Answer) -> str | None:
    """What the citizen reads; for a picture or sound its kind in brackets."""
    if answer.reply is None:
        return None
    if isinstance(answer.reply, replies.Text):
        return answer.reply.content
    return f"[{type(answer.reply).__name__.lower()}]"


def _told(judged: Judgement) -> Iterator[str]:
    """The same for a person."""
    facts = _facts(judged)
    yield f"消息：{facts['text']}"
    rule, alarm = judged.verdict.rule, judged.answer.alarm
    name = f"：{rule.name}（{judged.answer.rule_code}）" if rule else ""
    why = f"，含“{alarm}”" if alarm else ""
    yield f"结果：{judged.told}{why}{name}"
    yield f"答复：{facts['reply'] or '无'}"
    if facts["suggestions"]:
        yield f"建议：{'、'.join(facts['suggestions'])}"
    for candidate in facts["candidates"]:
        yield f"候选：{candidate['rule']}  {candidate['score']}  {candidate['reason']}"
    yield ""
