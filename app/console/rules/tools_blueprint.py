"""The blueprint that the studio's views hang on, and the way from here to the rules' own pages."""

from typing import Any

from flask import Blueprint, url_for

from app.web import auth
from config.permissions import Permission
from keywords.rules.values import Rule

tools_blueprint = Blueprint("rule_tools", __name__, url_prefix="/console/studio")


def rule_url(rule: Rule) -> str:
    """The page of a rule; empty for one that the person who asks may not read."""
    is_mine = auth.member().may(
        Permission.RULES_READ, department_id=rule.department_id, account_id=rule.account_id
    )
    return url_for("rules.show", rule_id=rule.id) if is_mine and rule.id else ""


def whole(form: Any) -> bool:
    """Whether a form that needs no sending was filled in rightly."""
    return not form.is_submitted() or bool(form.validate())
