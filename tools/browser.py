"""The browser of this machine, for tests and pictures."""

import os
import shutil

NAMES = (os.environ.get("CHROMIUM", "chromium"), "chromium-browser", "google-chrome")
# no sandbox, since containers forbid the namespaces it needs; no shared memory, of which they have
# 64 MB; nothing that calls home
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def path() -> str | None:
    """Where Chromium stands; None when this machine has none."""
    return next(filter(None, map(shutil.which, NAMES)), None)
