"""Command `explain`: which rule answers a text at an account, and why.

The text goes through `dialogue.answer` as a citizen's message would (docs/decisions/0031);
candidates, scores and reasons come from the rule set. Each text is answered by itself.
"""

import json
from collections.abc import Iterator
from typing import Any

import click

from app import snapshots
from app.callback.dialogue import DialogueResult
from app.cli.base import Command
from app.explain import Explanation, describe, explain_one
from config import clock
from config.errors import NotFound
from keywords.rules.values import MatchInput
from matrix.wechat import passive_replies

_MEANING_SECONDS = 60.0  # enough for some ten thousand rules


class AccountNotFound(NotFound):
    """No account of the hub has this appid."""

    text = "没有 appid 为 {appid} 的账号。"


@click.command(cls=Command)
@click.option("--account", "appid", required=True, metavar="APPID", help="The account written to.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.argument("text")
def explain(appid: str, text: str, as_json: bool) -> None:
    """Tell which rule answers TEXT and why; `-` reads one text a line."""
    # looked at once: a command has no thread that watches the cache versions
    snapshot = snapshots.refresh()
    # a web process has them within seconds of its start, and its answer is what is explained
    snapshot.ruleset.update_meanings(seconds=_MEANING_SECONDS)
    account = snapshot.accounts.get(appid)
    if account is None:
        raise AccountNotFound(appid=appid)
    # the snapshot is built once, and a line is answered as soon as it is read: files may be long
    for line in _input_texts(text):
        explanation = explain_one(MatchInput(line), account, snapshot, now=clock.now())
        if as_json:
            click.echo(json.dumps(_to_json(explanation), ensure_ascii=False))
        else:
            click.echo("\n".join(_text_lines(explanation)))


COMMANDS = (explain,)


def _input_texts(text: str) -> Iterator[str]:
    if text != "-":
        # Python passes bytes of an argument that are not UTF-8 as surrogates, which cannot be
        # printed as JSON. They become U+FFFD, as `errors="replace"` does for lines.
        yield text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return
    with click.open_file("-", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            yield line.rstrip("\r\n")


def _to_json(explanation: Explanation) -> dict[str, Any]:
    danger = explanation.answer.danger
    return {
        "text": explanation.match_input.text,
        "rule": explanation.answer.rule_code,
        "reply": _reply_text(explanation.answer),
        "emergency": danger.tier.value if danger else None,
        "danger": danger.kind.value if danger else None,
        "suggestions": [rule.slug for rule in explanation.suggestions],
        "candidates": [
            {
                "rule": candidate.rule.slug,
                "score": candidate.score,
                "reason": describe(candidate),
            }
            for candidate in explanation.verdict.candidates
        ],
    }


def _reply_text(answer: DialogueResult) -> str | None:
    """What the citizen reads; for other kinds the kind in brackets; None without a reply."""
    if answer.reply is None:
        return None
    if isinstance(answer.reply, passive_replies.Text):
        return answer.reply.content
    return f"[{type(answer.reply).__name__.lower()}]"


def _text_lines(explanation: Explanation) -> Iterator[str]:
    """The same as lines of Chinese text."""
    data = _to_json(explanation)
    yield f"消息：{data['text']}"
    rule, danger = explanation.verdict.rule, explanation.answer.danger
    name = f"：{rule.name}（{explanation.answer.rule_code}）" if rule else ""
    yield f"结果：{explanation.outcome_label}{name}"
    if danger:
        yield f"危险：{danger.tier.label}，{danger.kind.label}，“{danger.reason}”"
    yield f"答复：{data['reply'] or '无'}"
    if data["suggestions"]:
        yield f"建议：{'、'.join(data['suggestions'])}"
    for candidate in data["candidates"]:
        yield f"候选：{candidate['rule']}  {candidate['score']}  {candidate['reason']}"
    yield ""
