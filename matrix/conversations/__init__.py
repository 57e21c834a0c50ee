"""Talks: everything between one account and one follower, for the people who answer.

    inbox ──gather──> Talk ──talks_for_staff──> list      find ──> messages
                       │
    inbox, sendings, answers ──read──> Thread ── answer_text, answer_picture, dismiss

A talk is named by its follower's id; an openid stands in no address, page or log.
"""

from matrix.conversations.listing import (
    ConversationFilter,
    ConversationPage,
    MessageHit,
    SearchResult,
    accounts_for_staff,
    etag,
    find_by_follower,
    follower_ids_by_message,
    list_for_staff,
    list_waiting_for_staff,
    search,
)
from matrix.conversations.projection import (
    MESSAGE_KINDS,
    REFRESH,
    Conversation,
    delete_older_than,
    is_behind,
    refresh,
    request_refresh,
)
from matrix.conversations.replying import (
    SEND_IMAGE,
    AgentReply,
    CannotSend,
    ReplyForm,
    WindowClosed,
    dismiss,
    find_image_to_upload,
    images_for_staff,
    mark_image_failed,
    record_delivery,
    reply_image,
    reply_text,
    send_image,
)
from matrix.conversations.thread import Speaker, Thread, ThreadLine, read, reveal_message

__all__ = [
    "MESSAGE_KINDS",
    "REFRESH",
    "SEND_IMAGE",
    "AgentReply",
    "CannotSend",
    "Conversation",
    "ConversationFilter",
    "ConversationPage",
    "MessageHit",
    "ReplyForm",
    "SearchResult",
    "Speaker",
    "Thread",
    "ThreadLine",
    "WindowClosed",
    "accounts_for_staff",
    "delete_older_than",
    "dismiss",
    "etag",
    "find_by_follower",
    "find_image_to_upload",
    "follower_ids_by_message",
    "images_for_staff",
    "is_behind",
    "list_for_staff",
    "list_waiting_for_staff",
    "mark_image_failed",
    "read",
    "record_delivery",
    "refresh",
    "reply_image",
    "reply_text",
    "request_refresh",
    "reveal_message",
    "search",
    "send_image",
]
