"""WeChat: the only door to the platform. Its names for fields and return codes stay in this folder.

incoming   callback body -> envelope (signature, cipher) -> messages (frozen values)
replies    passive_replies (XML) -> envelope -> body of the answer
calls      gateway -> client (wechatpy's API classes) -> http_client, with access tokens from tokens
"""
