"""The pages of conversations: what citizens wrote to the accounts of one's departments.

listing           /console/talks/              the list, or the messages that a search found
thread            /console/talks/<follower>    one conversation: reading, originals, files, blocking
replying          /console/talks/<follower>    what an agent answers
canned_responses  /console/talks/phrases       prepared answers
"""

from app.console.conversations import canned_responses, listing, replying, thread
from app.console.conversations.blueprint import blueprint

__all__ = ["blueprint", "canned_responses", "listing", "replying", "thread"]
