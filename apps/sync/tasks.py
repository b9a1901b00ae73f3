"""What the workers run. Arguments are primitives; what is due is found in rows, never remembered."""

from __future__ import annotations

import logging
import smtplib

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from apps.exchange.models import ExchangeConnection
from apps.sync import connecting, glancing, leave, moving, services, subscribing
from apps.sync import dispatch as dispatching
from apps.sync.models import CalendarLink, SyncRun
from apps.tenants.models import Membership, Role

logger = logging.getLogger(__name__)


def dispatch() -> str:
    """Each minute: enqueue the calendars that are due, and the moves that stand still."""
    return f"enqueued {dispatching.dispatch()}, moves {moving.dispatch()}"


def want_full_rounds() -> str:
    """Each night: have every calendar compared as a whole."""
    return f"wanted {dispatching.want_full_rounds()}"


def release_claims() -> str:
    """Each hour: give free the addresses that were never proved, and forget ids of moves long ago."""
    return f"released {connecting.release_claims()}, forgot {moving.forget_old_ids()}"


def carry_on_move(move_id: int) -> str:
    """Go on with a move of calendars; long work goes on in another task."""
    if moving.carry_on(move_id):
        moving.enqueue(move_id)
        return "continues"
    return "done, or waits"


def look_after_subscriptions() -> str:
    """Each minute: see which subscriptions are to be made, renewed or deleted."""
    return f"enqueued {subscribing.look_around() + leave.end_what_is_left()}"


def verify_subscriptions(connection_id: int = 0) -> str:
    """Each hour: look whether the subscriptions are still there, each connection in a task of its own."""
    if connection_id:
        return f"missed {subscribing.verify(connection_id)}"
    connections = subscribing.verifiable()
    for one in connections:
        async_task("apps.sync.tasks.verify_subscriptions", one)
    return f"enqueued {len(connections)}"


def tend_subscriptions(connection_id: int) -> str:
    """Do at Microsoft what is due; long work goes on in another task."""
    done, is_some_left = subscribing.tend(connection_id)
    if is_some_left:
        async_task("apps.sync.tasks.tend_subscriptions", connection_id)
    leave.end_what_is_left()
    return f"done {done}"


def look(calendar_ids: list[int]) -> str:
    """Something changed in several mailboxes: each is looked at in a task of its own."""
    for calendar_id in calendar_ids:
        dispatching.enqueue(calendar_id, SyncRun.Trigger.PUSH)
    return f"enqueued {len(calendar_ids)}"


def tell_owners(connection_id: int) -> str:
    """Mail the owners that a connection has stopped, unless it works again by now."""
    connection = (
        ExchangeConnection.objects.select_related("tenant")
        .filter(pk=connection_id)
        .exclude(stopped_at=None)
        .first()
    )
    if connection is None:
        return "skipped: it works again"
    owners = Membership.objects.for_tenant(connection.tenant).filter(role=Role.OWNER)
    emails = owners.filter(user__is_active=True).values_list("user__email", flat=True)
    return f"told {sum(_tell(email, connection) for email in emails)}"


def _tell(email: str, connection: ExchangeConnection) -> int:
    subject = _("%(connection)s has stopped") % {"connection": connection}
    words = {
        "connection": connection,
        "link": f"{settings.PUBLIC_URL}{reverse('admin:index')}",
    }
    try:
        return send_mail(
            # A subject is one line, whatever somebody called the connection.
            " ".join(subject.split()),
            render_to_string("sync/stopped.txt", words),
            settings.DEFAULT_FROM_EMAIL,
            [email],
        )
    except (smtplib.SMTPException, OSError):
        # The others are to be told all the same.
        logger.exception("An owner could not be told that a connection has stopped")
        return 0


def glance(connection_id: int, calendar_ids: list[int]) -> str:
    """See by one request in which of several calendars that rest anything is new."""
    quiet = glancing.glance(connection_id, calendar_ids)
    return f"quiet {quiet} of {len(calendar_ids)}"


def sync_calendar(calendar_id: int, trigger: str = SyncRun.Trigger.SCHEDULE) -> str:
    """Bring one resource and its mailbox into agreement; long work goes on in another task."""
    if not CalendarLink.objects.filter(pk=calendar_id, state__in=CalendarLink.WORKING).exists():
        return "skipped: the calendar is not connected, or waits for a person"
    report = services.sync_calendar(calendar_id, trigger=SyncRun.Trigger(trigger))
    if report.goes_on:
        dispatching.enqueue_due(calendar_id, SyncRun.Trigger(trigger))
    return report.summary()
