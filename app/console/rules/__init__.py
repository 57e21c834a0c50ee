"""Rules: what departments let their accounts answer, from the first word to the citizen.

shelf     the list, and the effective set of an account
editor    writing a rule, with what it collides with and how it looks on a phone
life      one rule: its page, review, versions, and every step between
manners   texts where no rule speaks, and what a department asks of its editors
"""

from app.console.rules import default_replies, listing, workflow
from app.console.rules.blueprint import blueprint
from app.console.rules.editor import views

__all__ = ["blueprint", "default_replies", "listing", "views", "workflow"]
