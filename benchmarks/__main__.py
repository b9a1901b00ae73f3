"""`make bench`: run each benchmark against a database of its own in the embedded PostgreSQL.

What counts are ratios within one run; machines differ, and so do their minutes.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path

from optixsync import embedded_postgres

BASE_DIR = Path(__file__).resolve().parent.parent


def main() -> None:
    os.environ["EMBEDDED_POSTGRES_DIR"] = str(BASE_DIR / "var" / "pg-bench")
    # What is measured is printed; each request is not.
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    os.environ.pop("DATABASE_URL", None)
    os.environ["DJANGO_SETTINGS_MODULE"] = "optixsync.settings"
    data = embedded_postgres.default_data_dir()
    embedded_postgres.ensure(data)
    try:
        import django  # noqa: PLC0415 -- after the settings' environment is made

        django.setup()
        for path in sorted(Path(__file__).parent.glob("bench_*.py")):
            importlib.import_module(f"benchmarks.{path.stem}").run()
    finally:
        embedded_postgres.delete(data)


if __name__ == "__main__":
    main()
