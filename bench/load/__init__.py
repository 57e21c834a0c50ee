"""Load: pushes as WeChat sends them, a small engine that posts them, a judge of the replies.

protocol ──┐
           ├──> pushes ── requests.bin ──> hl (C, epoll) ── replies.bin ──> pushes.judge
scripts ───┘

Written against the published message format and nothing of ours, so that a reply that passes
here is right whatever server gave it.
"""
