"""The keyword studio's second half: try a phrase, see what answers and what does not, exchange.

bench      one phrase against one account or all, with the explanation
figures    how often a rule answered, and which rules nobody needs
unmatched  what citizens asked and no rule answered surely
exchange   rules out of files and into files
"""

from app.console.rules import import_export, statistics, tester, unanswered
from app.console.rules.tools_blueprint import tools_blueprint

__all__ = ["import_export", "statistics", "tester", "tools_blueprint", "unanswered"]
