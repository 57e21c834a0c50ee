"""WeChat: the only door to the platform. Its names for fields and return codes stay in this folder.

incoming   callback body -> envelope (signature, cipher) -> messages (frozen values)
replies    passive_replies (XML) -> envelope -> body of the answer
calls      gateway -> http_client -> api.weixin.qq.com, with access tokens from tokens
"""
