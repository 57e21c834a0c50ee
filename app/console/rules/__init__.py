"""The pages of rules: what departments let their accounts answer, and the tools around it.

On `blueprint` (/console/rules/):

listing          all rules of the person's departments; the effective rules of one account
detail           one rule: its content, its versions and what changed between two of them
editor           the form of a rule, and the preview that follows the typing
workflow         review, submit, publish, restore, disable, delete
default_replies  what is said when no rule answers, and the city's emergency prompt
standard_texts   what is said to pictures, greetings and the like
review_policy    whether a department's rules need a second person before they are published

On `tools_blueprint` (/console/studio/):

tester           what each account would answer to a phrase, and why
statistics       how often a rule answered; the rules that nobody used for long
unanswered       what citizens asked and no rule answered with confidence
import_export    rules from Excel and YAML files, and into them
"""

from app.console.rules import (
    default_replies,
    detail,
    editor,
    import_export,
    listing,
    standard_texts,
    statistics,
    tester,
    unanswered,
)
from app.console.rules.blueprint import blueprint, tools_blueprint
from app.console.rules.publishing import policy as review_policy
from app.console.rules.publishing import workflow

__all__ = [
    "blueprint",
    "default_replies",
    "detail",
    "editor",
    "import_export",
    "listing",
    "review_policy",
    "standard_texts",
    "statistics",
    "tester",
    "tools_blueprint",
    "unanswered",
    "workflow",
]
