"""Stop a whole connection at the first refused sign-in, until a person acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_q.tasks import async_task

from apps.exchange.models import ExchangeConnection

if TYPE_CHECKING:
    import datetime as dt

    from apps.exchange.errors import ExchangeError


def stop(
    connection_id: int | None, exc: ExchangeError, now: dt.datetime, *, revision: int | None = None
) -> None:
    """Stop every calendar of the connection, and tell its owners once.

    `revision`: of the connection that was refused. Changed since, it is another password's matter.
    """
    running = ExchangeConnection.objects.filter(pk=connection_id or 0, stopped_at=None)
    if revision is not None:
        running = running.filter(revision=revision)
    if running.update(stopped_at=now, error_kind=exc.kind, cause=exc.cause, fix=exc.fix):
        async_task("apps.sync.tasks.tell_owners", connection_id)
