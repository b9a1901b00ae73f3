"""`make test`: a PostgreSQL for the tests, the whole suite on it, and an end to the server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from optixsync import embedded_postgres

BASE_DIR = Path(__file__).resolve().parent.parent
# One more than there are processors on CI: some tests wait for other processes most of the time. Who is done takes
# over from who is not.
WHOLE_SUITE = ["-n", "3", "--dist", "worksteal", "-q"]
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """The browser for the browser tests: the environment's, else the first on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)


def without_browser() -> list[str]:
    """What leaves the browser tests out where there is no browser; on CI there must be one."""
    if find_chromium():
        return []
    print("No Chromium found: the browser tests are left out.", file=sys.stderr)  # noqa: T201
    if os.environ.get("CI") == "true":
        sys.exit("On CI they must run. Install Chromium, or name it in CHROMIUM.")
    return ["--ignore=tests/browser"]


def main() -> int:
    left_out = without_browser()
    env = {**os.environ, "PYTHONPATH": str(BASE_DIR)}
    data = BASE_DIR / "var" / "pg-test"
    own = not os.environ.get("DATABASE_URL")
    if own:
        os.environ["EMBEDDED_POSTGRES_FAST"] = "1"
        env["DATABASE_URL"] = embedded_postgres.ensure(data)
    # SIGTERM as Ctrl-C, so that the server is stopped either way.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    arguments = sys.argv[1:] or WHOLE_SUITE
    try:
        command = [sys.executable, "-m", "pytest", *left_out, *arguments]
        return subprocess.run(command, cwd=BASE_DIR, env=env, check=False).returncode
    except KeyboardInterrupt:
        return 130
    finally:
        if own:
            embedded_postgres.stop(data)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except embedded_postgres.EmbeddedPostgresError as error:
        sys.exit(str(error))
