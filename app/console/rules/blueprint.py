"""The two blueprints of the rules' pages: the rules themselves, and the tools around them.

The tools (tester, statistics, unanswered questions, import and export) keep the address that they
have always had, /console/studio, because staff have it in their bookmarks.
"""

from flask import Blueprint

blueprint = Blueprint("rules", __name__, url_prefix="/console/rules")
tools_blueprint = Blueprint("rule_tools", __name__, url_prefix="/console/studio")
