"""Talks: what citizens wrote to my accounts, who waits, and a search.

/console/talks/                     the list, or what a search found      listing
/console/talks/<follower>           one talk: read, answer, block         thread
/console/talks/phrases              ready answers                         phrases
"""

from app.console.talks import listing, phrases, thread
from app.console.talks.group import blueprint

__all__ = ["blueprint", "listing", "phrases", "thread"]
