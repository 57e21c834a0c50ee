"""The only door to WeChat. Its names for fields and codes stay inside this folder.

callback ──> envelope ──> messages        what citizens send, checked and read
replies  ──> envelope ──> callback        what we answer within the same request
deeds    ──> gateway  ──> client          what we say and ask unasked, by wechatpy's API classes
             client   ──> wire ──> WeChat  with `tokens`, timeouts and errors of ours
"""
