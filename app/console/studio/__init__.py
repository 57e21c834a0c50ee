"""The keyword studio's second half: try a phrase, see what answers and what does not, exchange.

bench      one phrase against one account or all, with the explanation
figures    how often a rule answered, and which rules nobody needs
unmatched  what citizens asked and no rule answered surely
exchange   rules out of files and into files
"""

from app.console.studio import bench, exchange, figures, unmatched
from app.console.studio.blueprint import blueprint

__all__ = ["bench", "blueprint", "exchange", "figures", "unmatched"]
