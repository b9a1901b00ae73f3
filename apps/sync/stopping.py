"""What concerns a whole connection: a refused sign-in stops it, until a person acts; a busy server rests it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django_q.tasks import async_task

from apps.exchange.models import ExchangeConnection

if TYPE_CHECKING:
    import datetime as dt

    from apps.exchange.errors import ExchangeError


def hold_off(connection: ExchangeConnection | None, until: dt.datetime) -> None:
    """The server asked for time: where all calendars spend one account's budget, all of them wait."""
    if connection is not None and connection.shares_back_off:
        rows = ExchangeConnection.objects.filter(pk=connection.pk)
        rows.filter(Q(paused_until=None) | Q(paused_until__lt=until)).update(paused_until=until)


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
