"""The tester: what each account would answer to a phrase, and why, while it is typed."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import render_template, request, url_for
from wtforms import DateTimeLocalField, HiddenField, SelectField, StringField
from wtforms.validators import Length, Optional

from app import explain, snapshots
from app.console import forms
from app.console.forms import strip
from app.console.responses import ViewResult
from app.console.rules.blueprint import tools_blueprint
from app.explain import Explanation
from app.snapshots import Snapshot
from app.web import auth
from app.web.auth import requires
from config import clock, settings
from config.permissions import Permission
from keywords.matching.matcher import Candidate
from keywords.publishing import workflow
from keywords.rules.values import InputKind, MatchInput, Rule
from keywords.rules.versions import RuleVersion
from matrix.accounts import AccountSnapshot
from matrix.inbox import Outcome

# as much as the matcher reads of a message
MAX_TEXT_LENGTH = 2000
# a datalist of thousands makes typing slow
_MAX_EVENTS = 200
_KIND_LABELS = {InputKind.TEXT: "打字或说话", InputKind.CLICK: "点菜单", InputKind.SCAN: "扫二维码"}
_OUTCOME_COLOURS = {
    Outcome.RULE: "green",
    Outcome.EMERGENCY: "red",
    Outcome.SUGGESTION: "yellow",
    Outcome.FALLBACK: "orange",
    Outcome.INFORMATION: "green",
    Outcome.FOR_STAFF: "blue",
}


class TesterForm(forms.Form):
    """What is tried: by default now, at all accounts. `version` is the id of a draft to try."""

    text = StringField(
        "市民会怎么说", [Length(max=MAX_TEXT_LENGTH, message="最长 2000 个字")], filters=[strip]
    )
    kind = SelectField(
        "怎么来的", choices={kind.value: label for kind, label in _KIND_LABELS.items()}
    )
    account = SelectField("问哪个账号")
    at = DateTimeLocalField(
        "什么时候", [Optional()], format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
    )
    version = HiddenField()


@dataclass(frozen=True)
class AccountResult:
    """One account's answer as the page shows it.

    `rule_after_publish` is the rule that would answer if the version on trial were published.
    """

    explanation: Explanation
    rule_after_publish: Rule | None = None
    is_changed: bool = False

    @property
    def colour(self) -> str:
        """The badge colour of the outcome; the label on it says the same."""
        return _OUTCOME_COLOURS.get(self.explanation.answer.outcome, "secondary")

    @property
    def candidates(self) -> list[tuple[Candidate, str, str]]:
        """The best candidate of each rule, with its reason and the URL of the rule's page."""
        return [
            (candidate, explain.describe(candidate), _rule_url(candidate.rule))
            for candidate in explain.best_per_rule(self.explanation.verdict.candidates)
        ]


@tools_blueprint.route("/", methods=["GET", "POST"])
@requires(Permission.RULES_READ)
def tester() -> ViewResult:
    """Try a phrase; for htmx only the results."""
    snapshot, member = snapshots.current(), auth.member()
    accounts = explain.accounts_in(member.scope(Permission.RULES_READ), snapshot)
    form = _form(accounts)
    version = _version_to_try(form)
    results: list[AccountResult] = []
    is_wrong = form.is_submitted() and not form.validate()
    if form.text.data and not is_wrong:
        # only among the permitted ones: a foreign account's id chooses nothing
        chosen_accounts = [each for each in accounts if form.account.data in ("", str(each.id))]
        results = _results(form, chosen_accounts, snapshot, version)
    is_partial = "HX-Request" in request.headers
    page = render_template(
        f"console/rules/tester/{'_results' if is_partial else 'index'}.html",
        form=form,
        results=results,
        version=version,
        # the results are exchanged at every keystroke, the list of keys stays on the page
        event_keys=[] if is_partial else _event_keys(accounts, snapshot),
        rule_url=_rule_url,
    )
    return (page, 422) if is_wrong else page


def _form(accounts: list[AccountSnapshot]) -> TesterForm:
    """The submitted form, or one filled from the query; an unknown account counts as all."""
    data = {name: request.args.get(name, "") for name in ("text", "account", "version")}
    form = TesterForm(data=data)
    form.account.choices = {"": f"全部账号（{len(accounts)} 个）"} | {
        str(account.id): account.name for account in accounts
    }
    # the address may come from another person, who sees other accounts
    if not form.is_submitted() and form.account.data not in form.account.choices:
        form.account.data = ""
    return form


def _version_to_try(form: TesterForm) -> RuleVersion | None:
    """The version that is tried before it is published, or None. Raises NotFound."""
    version_arg = form.version.data or ""
    if not version_arg.isdecimal():
        return None
    return workflow.access_version(auth.member(), int(version_arg), Permission.RULES_READ)


def _rule_url(rule: Rule) -> str:
    """The URL of a rule's page; empty for a rule that the person may not read."""
    may_read = auth.member().may(
        Permission.RULES_READ, department_id=rule.department_id, account_id=rule.account_id
    )
    return url_for("rules.show", rule_id=rule.id) if may_read and rule.id else ""


def _results(
    form: TesterForm,
    accounts: list[AccountSnapshot],
    snapshot: Snapshot,
    version: RuleVersion | None,
) -> list[AccountResult]:
    kind = InputKind(form.kind.data or InputKind.TEXT.value)
    match_input, now = MatchInput(form.text.data or "", kind), _instant(form.at.data)
    explanations = [
        explain.explain_one(match_input, account, snapshot, now=now) for account in accounts
    ]
    # a draft is compared for text only: what-if evaluation looks for keywords in a message
    if version is None or kind is not InputKind.TEXT:
        return [AccountResult(each) for each in explanations]
    changed_rule = version.spec.rule(
        id=version.rule_id, department_id=version.department_id, account_id=version.account_id
    )
    return [_compare_with_version(each, changed_rule, snapshot, now) for each in explanations]


def _compare_with_version(
    explanation: Explanation, changed_rule: Rule, snapshot: Snapshot, now: datetime
) -> AccountResult:
    """The result with the rule that would answer if `changed_rule` were published."""
    rule_after_publish = explain.winner_after(explanation, changed_rule, snapshot, now=now)
    rule_before = explanation.verdict.rule
    return AccountResult(
        explanation,
        rule_after_publish,
        # an emergency is answered before any rule, so no version changes it
        is_changed=rule_after_publish != rule_before and not explanation.verdict.emergency,
    )


def _instant(wall_time: datetime | None) -> datetime:
    """The instant of a local time without timezone, as the browser sends it; now without one."""
    if wall_time is None:
        return clock.now()
    # the browser's field has no timezone; schedules are meant in the city's time
    return wall_time.replace(tzinfo=ZoneInfo(settings.get().timezone))


def _event_keys(accounts: list[AccountSnapshot], snapshot: Snapshot) -> list[tuple[str, str]]:
    """Menu keys and QR code scenes that rules of these accounts answer, with the rules' names.

    They are offered while typing, because staff rarely know the exact keys.
    """
    names_by_key: dict[str, str] = {}
    rules = {
        rule.slug: rule for account in accounts for rule in snapshot.ruleset.rules_of(account.id)
    }
    for rule in rules.values():
        for keyword in rule.keywords:
            # the first rule names the key; rules that share one are rare
            if keyword.kind is not InputKind.TEXT:
                names_by_key.setdefault(keyword.text, rule.name)
    return sorted(names_by_key.items())[:_MAX_EVENTS]
