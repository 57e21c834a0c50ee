"""A process of its own that asks for tokens: `python asking.py APPID SECRET [REFUSED]`.

It says `ready`, waits for a line, asks in sixteen threads at once, and says what they got.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from config import logs
from matrix.wechat import tokens
from matrix.wechat.credentials import Credentials

THREADS = 16


def main(appid: str, secret: str, *refused: str) -> None:
    account = Credentials(account_id=1, appid=appid, original_id="gh_1", secret=secret)
    logs.configure()  # to standard error, out of the way of the answer
    barrier = Barrier(THREADS)

    def ask(_number: int) -> str:
        barrier.wait()
        return tokens.replace_refused(account, refused[0]) if refused else tokens.current(account)

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with ThreadPoolExecutor(THREADS) as pool:
        sys.stdout.write(json.dumps(list(pool.map(ask, range(THREADS)))) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
