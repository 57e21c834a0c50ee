"""Peers: the same bot as others would write it with the usual libraries, to compare with.

Each reads its accounts and rules from the JSON file that BENCH_BOT names, answers text messages
in safe mode at /wechat/<appid>, and writes nothing down. They stand alone: no code is shared
with the hub, and only `bot.py` among them.
"""
