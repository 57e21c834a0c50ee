"""The preview beside the form: how the replies look on a phone, and which rules it conflicts with.

The page asks for it anew shortly after every keystroke, so everything comes from the snapshot in
memory and the form may be half filled in.
"""

from typing import Any

from flask import render_template, request

from app import snapshots
from app.console.rules import labels
from app.console.rules.blueprint import blueprint
from app.console.rules.editor.form import RuleForm
from app.console.rules.owner import Owner
from app.snapshots import Snapshot
from app.web import auth
from app.web.auth import requires
from config import clock
from config.errors import Invalid
from config.permissions import Permission
from config.validation.text_cleaning import has_literal_line_break
from keywords.matching.matcher import Matcher
from keywords.publishing import conflicts
from keywords.publishing.conflicts import Conflict
from keywords.publishing.what_if import WhatIf, next_active_moment
from keywords.rules import replies
from keywords.rules.replies import Text
from keywords.rules.spec import RuleSpec
from keywords.rules.values import MatchInput, Rule

# sorts behind every real slug: of two rules that are equal in all else the lower slug answers, and
# a rule that would win by its slug alone shall be reported as a conflict
_PLACEHOLDER_SLUG = "~"
_MAX_PHRASE_LENGTH = 200


@blueprint.post("/look")
@requires(Permission.RULES_WRITE)
def preview() -> str:
    """What the form would do as it is now, as the part of a page. Reads no table.

    `rule` in the query is the id of the rule that is edited, `phrase` in the form what a citizen
    might write.
    """
    form, snapshot, now = RuleForm(), snapshots.current(), clock.now()
    try:
        rule_spec = _partial_spec(form, _known_slug(snapshot))
    except Invalid as error:
        return render_template("console/rules/_preview.html", problem=error.problem)
    rule = rule_spec.rule(**form.chosen_owner.ids)
    # without an owner it is unknown at which accounts the rule would answer
    found = conflicts.detect(snapshot.ruleset, rule, now=now) if form.owner.data else ()
    phrase = request.form.get("phrase", "").strip()[:_MAX_PHRASE_LENGTH]
    return render_template(
        "console/rules/_preview.html",
        spec=rule_spec,
        problem="",
        choice_label=labels.CHOICES[rule_spec.choice],
        conflicts=[(conflict, _conflict_context(conflict, snapshot)) for conflict in found],
        severe_kinds=labels.SEVERE_CONFLICTS,
        has_literal_line_break=any(
            has_literal_line_break(reply.content)
            for reply in rule_spec.replies
            if isinstance(reply, Text)
        ),
        phrase=phrase,
        phrase_result=_try_phrase(snapshot, rule, phrase) if phrase else None,
    )


def _known_slug(snapshot: Snapshot) -> str:
    """The slug of the rule that is edited, so that it does not conflict with itself."""
    rule_id = request.args.get("rule", type=int)
    rules = snapshot.ruleset.all_rules_matcher.rules
    return next((rule.slug for rule in rules if rule.id == rule_id), _PLACEHOLDER_SLUG)


def _partial_spec(form: RuleForm, slug: str) -> RuleSpec:
    """The rule as far as it is written. Raises Invalid for what cannot be compiled.

    What a spec must have and the form has not yet is filled in, so that the rest is checked.
    """
    data: dict[str, Any] = form.as_dict("draft")
    is_empty = not data["keywords"]
    data |= {"name": data["name"] or "新规则", "priority": data["priority"] or 0}
    # only to pass the validation; taken out again below
    data["keywords"] = data["keywords"] or ["-空-"]
    data["replies"] = [*_complete_replies(data["replies"])] or [{"type": "text", "content": "……"}]
    rule_spec = RuleSpec.parse(data, is_owned=form.chosen_owner != Owner())
    # not validated again: the placeholder slug is no valid one, and no keywords are none
    changes = {"slug": slug} | ({"keywords": ()} if is_empty else {})
    return rule_spec.model_copy(update=changes)


def _complete_replies(shapes: list[dict[str, object]]) -> list[dict[str, object]]:
    """The replies that are written far enough to be shown."""
    return [shape for shape in shapes if _is_complete_reply(shape)]


def _is_complete_reply(shape: dict[str, object]) -> bool:
    try:
        replies.parse(shape)
    except Invalid:
        return False
    return True


def _conflict_context(conflict: Conflict, snapshot: Snapshot) -> dict[str, object]:
    """A conflict for the template: its text, the other rule's owner, whether it may be opened."""
    owner = Owner(conflict.other.department_id, conflict.other.account_id)
    text = labels.CONFLICT_TEXTS[conflict.kind]
    return {
        "text": text.format(word=conflict.keyword, other_word=conflict.other_keyword),
        "owner": owner.name(snapshot),
        "may_open": auth.member().may(Permission.RULES_READ, **owner.ids),
    }


def _try_phrase(snapshot: Snapshot, rule: Rule, phrase: str) -> dict[str, object]:
    """Who would answer a phrase if the rule were published, and with which text.

    `emergency` holds the words of a certain danger, which is answered before any rule; `winner` the
    rule that answers or None, `is_this_rule` whether it is the edited one; `text` is empty for a
    reply that is no text.
    """
    danger = snapshot.ruleset.find_danger(phrase)
    if danger is not None and danger.is_certain:
        return {"emergency": danger.reason, "text": snapshot.ruleset.emergency_reply(danger)}
    what_if, at = WhatIf(snapshot.ruleset, rule), next_active_moment(rule, now=clock.now())
    own_accounts = what_if.own_accounts
    if own_accounts:
        (winner,) = what_if.answers_after(own_accounts[0], [phrase], now=at)
    else:
        # no account has this owner yet: the rule stands alone
        winner = Matcher([rule]).match(MatchInput(phrase), now=at)
    texts = [item.content for item in winner.replies if isinstance(item, Text)] if winner else []
    fallback = snapshot.ruleset.fallback_reply(own_accounts[0].account_id) if own_accounts else ""
    return {
        "emergency": "",
        "is_this_rule": winner is not None and winner.slug == rule.slug,
        "winner": winner,
        "text": texts[0] if texts else ("" if winner else fallback),
    }
