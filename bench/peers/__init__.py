"""The peers: the same bot as users of the usual libraries would write it.

Each reads its accounts and rules from the JSON file that BENCH_BOT names, answers text messages
in safe mode at /wechat/<appid>, and records nothing. They share no code with the hub, and among
themselves only `bot.py`.
"""
