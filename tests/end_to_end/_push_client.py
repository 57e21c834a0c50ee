"""A client process: pushes what it is given at the given instants, and says what came back.

    lines of JSON {at, host, path, body} ──> lines of JSON [status, body]

python -m tests.end_to_end._push_client
"""

import json
import sys
import time
from http.client import HTTPConnection


def push(host: str, path: str, body: str) -> tuple[int, str]:
    """One push on a connection of its own."""
    connection = HTTPConnection(host, timeout=20)
    try:
        connection.request("POST", path, body.encode(), {"Content-Type": "text/xml"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


if __name__ == "__main__":
    for line in sys.stdin:
        one = json.loads(line)
        time.sleep(max(0.0, one["at"] - time.time()))
        sys.stdout.write(json.dumps(push(one["host"], one["path"], one["body"])) + "\n")
