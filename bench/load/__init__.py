"""Load generation: pushes as WeChat sends them, an engine that posts them, checks of replies.

protocol ──┐
           ├──> pushes ── requests.bin ──> hl (C, epoll) ── replies.bin ──> pushes.check_replies
scripts ───┘

Written from the published message format without any code of the hub, so that the checks are the
same for every server.
"""
