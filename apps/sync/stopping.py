"""What concerns a whole connection: a refused sign-in stops it, until a person acts; a busy server rests it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_q.tasks import async_task

from apps.exchange.models import ExchangeConnection

if TYPE_CHECKING:
    import datetime as dt

    from apps.exchange.errors import ExchangeError


def hold_off(connection: ExchangeConnection | None, until: dt.datetime) -> None:
    """The server asked for time: where all calendars spend one account's budget, all of them wait."""
    if connection is not None and connection.shares_back_off:
        ExchangeConnection.objects.filter(pk=connection.pk).update(paused_until=until)


def stop(connection_id: int | None, exc: ExchangeError, now: dt.datetime) -> None:
    """Stop every calendar of the connection, and tell its owners once."""
    running = ExchangeConnection.objects.filter(pk=connection_id or 0, stopped_at=None)
    if running.update(stopped_at=now, error_kind=exc.kind, cause=exc.cause, fix=exc.fix):
        async_task("apps.sync.tasks.tell_owners", connection_id)
