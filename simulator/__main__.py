"""`python -m simulator`: serve the simulator until Ctrl-C. Settings, with their defaults:

SIMULATOR_PORT (8100), SIMULATOR_HOST (127.0.0.1), VAR_DIR (var), PORT (8000), CALLBACK_BASE
(http://127.0.0.1:$PORT), SIMULATOR_ACCOUNTS (config/demo/accounts.yaml).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import simulator
from simulator.core.errors import ActionRejected


def main() -> None:
    """Read the settings from the environment and serve."""
    try:
        # `or`, not a default of get(): a variable that is set but empty, as in an .env file, means
        # unset
        port = int(os.environ.get("SIMULATOR_PORT") or 8100)
    except ValueError:
        sys.exit("simulator: SIMULATOR_PORT 应为数字")
    host = os.environ.get("SIMULATOR_HOST") or "127.0.0.1"
    base = os.environ.get("CALLBACK_BASE") or f"http://127.0.0.1:{os.environ.get('PORT') or 8000}"
    state = Path(os.environ.get("VAR_DIR") or "var") / "simulator" / "state.sqlite3"
    file = Path(os.environ.get("SIMULATOR_ACCOUNTS") or "config/demo/accounts.yaml")
    try:
        app = simulator.create(file if file.exists() else [], callback_base=base, state=state)
    except ActionRejected as error:
        sys.exit(f"simulator: {error}")
    # more than in the file when accounts were added through the admin API in an earlier run
    count = len(simulator.platform_of(app).accounts)
    sys.stdout.write(f"simulator: http://{host}:{port}/  {count} accounts, callbacks to {base}\n")
    # no error: accounts may come later through the admin API, as tests do it
    if not file.exists():
        sys.stdout.write(f"simulator: no accounts file {file}\n")
    sys.stdout.flush()
    simulator.serve(app, port, host=host)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
