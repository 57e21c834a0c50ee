"""The test bench: what each account would answer, and why, while the phrase is typed."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import render_template, request
from wtforms import DateTimeLocalField, HiddenField, SelectField, StringField
from wtforms.validators import Length, Optional

from app import auth, explaining, live
from app.auth import needs
from app.console import forms
from app.console.forms import trimmed
from app.console.studio.blueprint import address_of, blueprint
from app.explaining import Judgement
from app.live import Live
from config import clock, settings
from config.tenancy import Right
from keywords import versions
from keywords.history import RuleVersion
from keywords.matching import Candidate
from keywords.rules import Kind, Occasion, Rule
from matrix.accounts import Connection
from matrix.inbox import Outcome

LONGEST_TEXT = 2000
_MOST_EVENTS = 200
_KINDS = {Kind.TEXT: "打字或说话", Kind.CLICK: "点菜单", Kind.SCAN: "扫二维码"}
_COLOURS = {
    Outcome.RULE: "green",
    Outcome.EMERGENCY: "red",
    Outcome.SUGGESTION: "yellow",
    Outcome.FALLBACK: "orange",
}


class BenchForm(forms.Form):
    """What is tried. Without a time it is now, without an account all."""

    text = StringField(
        "市民会怎么说", [Length(max=LONGEST_TEXT, message="最长 2000 个字")], filters=[trimmed]
    )
    kind = SelectField("怎么来的", choices={kind.value: label for kind, label in _KINDS.items()})
    account = SelectField("问哪个账号")
    at = DateTimeLocalField(
        "什么时候", [Optional()], format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
    )
    version = HiddenField()


@dataclass(frozen=True)
class Shown:
    """One account's answer as the page shows it.

    `after` is the rule that would answer if the draft on trial were published.
    """

    judged: Judgement
    after: Rule | None = None
    is_changed: bool = False

    @property
    def colour(self) -> str:
        """The colour of the outcome; its words stand beside it."""
        return _COLOURS.get(self.judged.answer.outcome, "secondary")

    @property
    def candidates(self) -> list[tuple[Candidate, str, str]]:
        """The best candidate of each rule with its reason and the address of the rule's page."""
        return [
            (candidate, explaining.reason(candidate), address_of(candidate.rule))
            for candidate in explaining.best_of_each(self.judged.verdict.candidates)
        ]


@blueprint.route("/", methods=["GET", "POST"])
@needs(Right.RULES_READ)
def bench() -> str | tuple[str, int]:
    """Try a phrase; within htmx only the answers."""
    picture, member = live.current(), auth.member()
    accounts = explaining.within(member.area(Right.RULES_READ), picture)
    form = _form(accounts)
    version = _on_trial(form)
    answers: list[Shown] = []
    is_wrong = form.is_submitted() and not form.validate()
    if form.text.data and not is_wrong:
        chosen = [each for each in accounts if form.account.data in ("", str(each.id))]
        answers = _answers(form, chosen, picture, version)
    is_partial = "HX-Request" in request.headers
    page = render_template(
        f"console/studio/{'_answers' if is_partial else 'bench'}.html",
        form=form,
        answers=answers,
        version=version,
        events=[] if is_partial else _events(accounts, picture),
        address_of=address_of,
    )
    return (page, 422) if is_wrong else page


def _form(accounts: list[Connection]) -> BenchForm:
    """What was handed in, or what the address brings along."""
    brought = {name: request.args.get(name, "") for name in ("text", "account", "version")}
    form = BenchForm(data=brought)
    form.account.choices = {"": f"全部账号（{len(accounts)} 个）"} | {
        str(account.id): account.name for account in accounts
    }
    if not form.is_submitted() and form.account.data not in form.account.choices:
        form.account.data = ""
    return form


def _on_trial(form: BenchForm) -> RuleVersion | None:
    """The version of a rule that is tried before it is published. Raises NotFound."""
    asked = form.version.data or ""
    if not asked.isdecimal():
        return None
    return versions.access_version(auth.member(), int(asked), Right.RULES_READ)


def _answers(
    form: BenchForm, accounts: list[Connection], picture: Live, version: RuleVersion | None
) -> list[Shown]:
    kind = Kind(form.kind.data or Kind.TEXT.value)
    occasion, now = Occasion(form.text.data or "", kind), _moment(form.at.data)
    judged = [explaining.judge(occasion, account, picture, now=now) for account in accounts]
    if version is None or kind is not Kind.TEXT:
        return [Shown(each) for each in judged]
    changed = version.draft.rule(
        id=version.rule_id, department_id=version.department_id, account_id=version.account_id
    )
    return [_with_draft(each, changed, picture, now) for each in judged]


def _with_draft(judged: Judgement, changed: Rule, picture: Live, now: datetime) -> Shown:
    after = explaining.after(judged, changed, picture, now=now)
    before = judged.verdict.rule
    return Shown(judged, after, is_changed=after != before and not judged.verdict.emergency)


def _moment(wall: datetime | None) -> datetime:
    """The instant at which the city's clocks show this; now when nothing is asked."""
    if wall is None:
        return clock.now()
    return wall.replace(tzinfo=ZoneInfo(settings.get().timezone))


def _events(accounts: list[Connection], picture: Live) -> list[tuple[str, str]]:
    """Menu keys and scenes that rules of these accounts listen to, with the rules' names."""
    rules = (rule for account in accounts for rule in picture.book.rules_of(account.id))
    found = {
        keyword.text: rule.name
        for rule in rules
        for keyword in rule.keywords
        if keyword.kind is not Kind.TEXT
    }
    return sorted(found.items())[:_MOST_EVENTS]
