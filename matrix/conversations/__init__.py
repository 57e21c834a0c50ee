"""Conversations: what one follower and one account wrote to each other, for the agents who answer.

    projection   inbox rows -> one Conversation per follower, kept up to date by a job
    listing      list, filters and search over conversations
    thread       the lines of one conversation, in order of time
    replying     an agent's answer and its delivery

A conversation is addressed by its follower's id. An openid never appears in an address, a page or a
log.
"""

from matrix.conversations.listing import (
    ConversationFilter,
    ConversationPage,
    MessageHit,
    SearchResult,
    accounts_for_staff,
    etag,
    find_by_follower,
    list_for_staff,
    list_waiting_for_staff,
    search,
)
from matrix.conversations.projection import (
    MESSAGE_KINDS,
    Conversation,
    ConversationJob,
    ProjectionBatch,
    delete_older_than,
    is_behind,
    position,
    read_batch,
    record_progress,
    request_next_refresh,
    request_refresh,
    save,
)
from matrix.conversations.replying import (
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
    "AgentReply",
    "CannotSend",
    "Conversation",
    "ConversationFilter",
    "ConversationJob",
    "ConversationPage",
    "MessageHit",
    "ProjectionBatch",
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
    "images_for_staff",
    "is_behind",
    "list_for_staff",
    "list_waiting_for_staff",
    "mark_image_failed",
    "position",
    "read",
    "read_batch",
    "record_delivery",
    "record_progress",
    "reply_image",
    "reply_text",
    "request_next_refresh",
    "request_refresh",
    "reveal_message",
    "save",
    "search",
    "send_image",
]
