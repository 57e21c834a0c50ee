"""Talks: what citizens wrote to my accounts, who waits, and a search.

/console/talks/                     the list, or what a search found      listing
/console/talks/<follower>           one talk: read, answer, block         thread
/console/talks/phrases              ready answers                         phrases
"""

from app.console.conversations import canned_responses, listing, thread
from app.console.conversations.blueprint import blueprint

__all__ = ["blueprint", "canned_responses", "listing", "thread"]
