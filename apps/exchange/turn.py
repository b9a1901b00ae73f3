"""One at a time, over all processes and machines on the same database.

An advisory lock of the database session: a process that is killed in between leaves nothing locked,
since its session ends with it. No row is locked, and no transaction is open, while HTTP goes on.
Through a pooler it needs session pooling. https://www.postgresql.org/docs/current/explicit-locking.html
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOKS_EVERY_S = 0.1


class NoTurn(Exception):
    """Somebody else had the turn for as long as we could wait."""


@contextmanager
def turn(name: str, *, waits_s: float) -> Iterator[None]:
    """Have the turn of this name; wait for it no longer than so many seconds.

    Raises:
        NoTurn: it did not come.
    """
    ends = time.monotonic() + waits_s
    while not _ask("pg_try_advisory_lock", name):
        if time.monotonic() >= ends:
            raise NoTurn(name)
        time.sleep(LOOKS_EVERY_S)
    try:
        yield
    finally:
        _ask("pg_advisory_unlock", name)


def _ask(function: str, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])
