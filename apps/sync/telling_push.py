"""Whether Microsoft tells of changes at once, or each calendar is asked, and why. For people; reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.exchange.models import ExchangeConnection
from apps.sync import subscribing
from apps.sync.models import Subscription

if TYPE_CHECKING:
    import datetime as dt

    from apps.sync.models import CalendarLink


def push_words(connection: ExchangeConnection, now: dt.datetime | None = None) -> str:
    """How this connection's calendars learn of changes; empty for another wire than Graph's."""
    if why := _why_polled(connection):
        return why
    if connection.wire != ExchangeConnection.Wire.GRAPH:
        return ""
    rows = Subscription.objects.current().filter(connection=connection)
    refused = rows.exclude(cause="").select_related("calendar").first()
    if refused is not None:
        return _refused(refused)
    total, alive = rows.count(), rows.alive(now or timezone.now()).count()
    if alive < total:
        return ngettext(
            "Microsoft is being asked to tell of changes: it does so for %(n)s calendar of "
            "%(total)s so far.",
            "Microsoft is being asked to tell of changes: it does so for %(n)s calendars of "
            "%(total)s so far.",
            alive,
        ) % {"n": alive, "total": total}
    return _told_at_once()


def calendar_push_words(calendar: CalendarLink | None, now: dt.datetime | None = None) -> str:
    """The same for one calendar."""
    connection = None if calendar is None else calendar.connection
    if calendar is None or connection is None or not calendar.mailbox_key:
        return ""
    if why := _why_polled(connection):
        return why
    if connection.wire != ExchangeConnection.Wire.GRAPH:
        return ""
    row = Subscription.objects.current().filter(calendar=calendar).first()
    if row is not None and row.cause:
        return _refused(row)
    if row is None or not Subscription.objects.alive(now or timezone.now()).filter(pk=row.pk):
        return _("Microsoft is being asked to tell of changes; until then the calendar is asked.")
    return _told_at_once()


def _why_polled(connection: ExchangeConnection) -> str:
    if connection.wire != ExchangeConnection.Wire.GRAPH:
        return ""
    every = _every(settings.SYNC_EVERY_S)
    if not subscribing.may_subscribe(connection):
        return _(
            "Each calendar is asked %(every)s: Microsoft tells of changes at once only with "
            "organisation-wide access."
        ) % {"every": every}
    if not subscribing.address():
        return _(
            "Each calendar is asked %(every)s: Microsoft tells of changes at once only where "
            "OptixSync has a public address that begins with https:// (PUBLIC_URL)."
        ) % {"every": every}
    return ""


def _refused(row: Subscription) -> str:
    return _(
        "Calendars that Microsoft tells nothing of are asked %(every)s. Of %(mailbox)s it tells "
        "nothing: %(cause)s %(fix)s"
    ) % {
        "every": _every(settings.SYNC_EVERY_S),
        "mailbox": row.calendar.email,
        "cause": row.cause,
        "fix": row.fix,
    }


def _told_at_once() -> str:
    return _("Microsoft tells of changes at once; besides, each calendar is asked %(every)s.") % {
        "every": _every(settings.SYNC_EVERY_WITH_PUSH_S)
    }


def _every(seconds: int) -> str:
    minutes = max(1, round(seconds / 60))
    return ngettext("once a minute", "every %(n)s minutes", minutes) % {"n": minutes}
