"""Command `explain`: which rule answers a text at an account, and why.

The verdict is the callback's own: the text goes through `dialogue.answer` as a citizen's message
would, over the same compiled rules. Candidates and reasons come from the keywords' book.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from app import dialogue, live
from app.cli.speaking import Command
from app.dialogue import Answer
from app.live import Live
from config import clock
from config.errors import NotFound
from keywords.book import Verdict
from keywords.rules import Occasion
from matrix.accounts import Connection
from matrix.inbox import Outcome
from matrix.wechat import messages, replies

_OUTCOMES = {
    Outcome.EMERGENCY: "紧急提示",
    Outcome.RULE: "由规则答复",
    Outcome.SUGGESTION: "没有规则命中，给出建议",
    Outcome.FALLBACK: "没有规则命中，回复默认答复",
    Outcome.SILENT: "不答复（账号已暂停）",
}


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
        answer, verdict = _judge(line, account, picture, now=clock.now())
        if as_json:
            click.echo(json.dumps(_facts(line, answer, verdict), ensure_ascii=False))
        else:
            click.echo("\n".join(_told(line, answer, verdict)))


COMMANDS = (explain,)


def _lines(text: str) -> Iterator[str]:
    if text != "-":
        yield text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return
    with click.open_file("-", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            yield line.rstrip("\r\n")


def _judge(
    text: str, account: Connection, picture: Live, *, now: datetime
) -> tuple[Answer, Verdict]:
    written = messages.Text(
        kind="text",
        to=account.original_id,
        openid="explain",
        sent_at=now,
        message_id="explain",
        content=text,
    )
    answer = dialogue.answer(written, account, picture, now=now)
    return answer, picture.book.explain(account.id, Occasion(text), now=now)


def _facts(text: str, answer: Answer, verdict: Verdict) -> dict[str, Any]:
    offered = verdict.suggestions if answer.outcome is Outcome.SUGGESTION else ()
    return {
        "text": text,
        "rule": answer.rule_code,
        "reply": _words(answer),
        "emergency": answer.alarm is not None,
        "suggestions": [rule.code for rule in offered],
        "candidates": [
            {
                "rule": candidate.rule.code,
                "score": candidate.score,
                "reason": _reason(candidate.reason, candidate.obstacle),
            }
            for candidate in verdict.candidates
        ],
    }


def _reason(reason: str, obstacle: str) -> str:
    return f"{reason}；{obstacle}" if obstacle else reason


def _words(answer: Answer) -> str | None:
    """What the citizen reads; for a picture or sound its kind in brackets."""
    if answer.reply is None:
        return None
    if isinstance(answer.reply, replies.Text):
        return answer.reply.content
    return f"[{type(answer.reply).__name__.lower()}]"


def _told(text: str, answer: Answer, verdict: Verdict) -> Iterator[str]:
    """The same for a person."""
    facts = _facts(text, answer, verdict)
    yield f"消息：{text}"
    name = f"{verdict.rule.name}（{answer.rule_code}）" if verdict.rule else ""
    why = f"，含“{answer.alarm}”" if answer.alarm else ""
    yield f"结果：{_OUTCOMES.get(answer.outcome, answer.outcome.value)}{why}{name and '：' + name}"
    yield f"答复：{facts['reply'] or '无'}"
    if facts["suggestions"]:
        yield f"建议：{'、'.join(facts['suggestions'])}"
    for candidate in facts["candidates"]:
        yield f"候选：{candidate['rule']}  {candidate['score']}  {candidate['reason']}"
    yield ""
