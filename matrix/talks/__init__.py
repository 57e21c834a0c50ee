"""Talks: everything between one account and one follower, for the people who answer.

    inbox ──gather──> Talk ──talks_for_staff──> list      find ──> messages
                       │
    inbox, sendings, answers ──read──> Thread ── answer_text, answer_picture, dismiss

A talk is named by its follower's id; an openid stands in no address, page or log.
"""

from matrix.talks.answering import (
    SEND_PICTURE,
    Answer,
    CannotSend,
    Said,
    WindowClosed,
    answer_picture,
    answer_text,
    delivered,
    dismiss,
    fail_picture,
    picture_for,
    pictures,
    send_picture,
)
from matrix.talks.gathering import (
    GATHER,
    MESSAGES,
    Talk,
    ask_to_gather,
    forget,
    gather,
    is_behind,
)
from matrix.talks.listing import (
    Filters,
    Found,
    Hit,
    Page,
    accounts_of,
    find,
    followers_of,
    mark_of,
    of,
    talks_for_staff,
    waiting_of,
)
from matrix.talks.thread import Line, Side, Thread, read, reveal

__all__ = [
    "GATHER",
    "MESSAGES",
    "SEND_PICTURE",
    "Answer",
    "CannotSend",
    "Filters",
    "Found",
    "Hit",
    "Line",
    "Page",
    "Said",
    "Side",
    "Talk",
    "Thread",
    "WindowClosed",
    "accounts_of",
    "answer_picture",
    "answer_text",
    "ask_to_gather",
    "delivered",
    "dismiss",
    "fail_picture",
    "find",
    "followers_of",
    "forget",
    "gather",
    "is_behind",
    "mark_of",
    "of",
    "picture_for",
    "pictures",
    "read",
    "reveal",
    "send_picture",
    "talks_for_staff",
    "waiting_of",
]
