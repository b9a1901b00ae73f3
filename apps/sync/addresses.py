"""A resource's calendar email is typed, changed or cleared: connect, disconnect, or ask first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from apps.resources import services as resources
from apps.sync.connecting import connect, forget_trouble
from apps.sync.leave import leave
from apps.sync.models import CalendarLink

if TYPE_CHECKING:
    from apps.exchange.models import ExchangeConnection
    from apps.resources.models import Resource

State = CalendarLink.State


class WouldLeave(Exception):
    """A mailbox that was opened would be left: what becomes of both sides is asked first."""

    def __init__(self, calendar: CalendarLink) -> None:
        self.calendar = calendar
        super().__init__(
            _("this would disconnect it from %(email)s. Do that on the resource’s own page.")
            % {"email": calendar.email}
        )


@transaction.atomic
def change(resource: Resource, email: str, connection: ExchangeConnection | None = None) -> bool:
    """Give a resource this address, or none with an empty one; whether that is something new.

    Raises:
        CalendarRefused: see connecting.connect. Nothing is stored.
        WouldLeave: an open mailbox would be left. Nothing is stored; leave.leave does it.
    """
    email = email.strip()
    calendar = CalendarLink.objects.filter(resource=resource).first()
    if _is_same(resource, calendar, email, connection):
        return False
    if calendar is not None and would_leave(calendar):
        if email:
            _refuse_what_is_taken(resource, email)
        raise WouldLeave(calendar)
    _let_go(resource, calendar)
    if email:
        connect(resource=resource, email=email, connection=connection)
    return True


@transaction.atomic
def give_up(resource: Resource) -> bool:
    """The resource goes out of use: it lets its address go; whether it had one.

    Raises:
        WouldLeave: as change.
    """
    return change(resource, "")


@transaction.atomic
def release(calendar: CalendarLink) -> None:
    """Give the address of a calendar that is not connected free for others."""
    resources.set_calendar_email(calendar.resource, None)
    calendar.mailbox_key = None
    forget_trouble(calendar)
    calendar.save()


def would_leave(calendar: CalendarLink) -> bool:
    """Whether disconnecting concerns what stands in a mailbox."""
    is_connected = calendar.state not in {State.NOT_CONNECTED, State.LEAVING}
    return is_connected and calendar.mailbox_key is not None


def _is_same(
    resource: Resource,
    calendar: CalendarLink | None,
    email: str,
    connection: ExchangeConnection | None,
) -> bool:
    if email.lower() != (resource.calendar_email or "").lower():
        return False
    if connection is None or calendar is None or not email:
        return True
    return calendar.connection_id in {None, connection.pk}


def _let_go(resource: Resource, calendar: CalendarLink | None) -> None:
    """What is there and was never opened, or is on its way out, stands in nobody's way."""
    if calendar is None:
        resources.set_calendar_email(resource, None)
        return
    if calendar.state == State.NOT_CONNECTED:
        release(calendar)
        resource.calendar_email = None
        return
    if calendar.state == State.LEAVING:
        # It goes on removing; only where it goes next is another matter now.
        leave(calendar, keeps_ours_there=False, keeps_theirs_here=True)
    else:
        leave(calendar, keeps_ours_there=True, keeps_theirs_here=True)
    resource.calendar_email = None


def _refuse_what_is_taken(resource: Resource, email: str) -> None:
    """Try the claim, and take it back: who is refused shall not be asked first.

    Raises:
        CalendarRefused
    """
    before = resource.calendar_email
    with transaction.atomic():
        resources.set_calendar_email(resource, email)
        transaction.set_rollback(True)
    resource.calendar_email = before
