"""Connect a resource to a mailbox: claim the address at once, prove the claim by opening it."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.exchange.calendar import Mailbox, MailboxKind
from apps.exchange.errors import AccessDenied, Misconfigured, NotFound
from apps.exchange.models import ExchangeConnection
from apps.exchange.powershell import argument
from apps.resources import services as resources
from apps.resources.errors import CalendarRefused
from apps.sync import arriving, crossing
from apps.sync.dispatch import enqueue
from apps.sync.models import CalendarLink, EventLink, SyncRun

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apps.resources.models import Resource
    from apps.sync.session import Session
    from apps.tenants.models import Tenant

State = CalendarLink.State
# A claim that was never proved is given free after so long.
CLAIM_LASTS = dt.timedelta(hours=24)
# The error kind of a mailbox that is known to be a person's: it asks before it is taken.
PERSONS = "person"


@transaction.atomic
def connect(
    *, resource: Resource, email: str, connection: ExchangeConnection | None = None
) -> CalendarLink:
    """Claim an address for a resource without a calendar; a task, which starts at once, proves it.

    Raises:
        CalendarRefused: no email address, another resource has it, no connection or none chosen,
            or the resource takes no bookings. Nothing is stored.
    """
    connection = _chosen(resource.tenant, connection)
    if not resource.is_bookable:
        raise CalendarRefused(
            _("Could not connect resource to calendar: %(resource)s is archived or inactive.")
            % {"resource": resource}
        )
    resources.set_calendar_email(resource, email)
    calendar = CalendarLink.objects.select_for_update(no_key=True).filter(resource=resource).first()
    if calendar is not None and calendar.state == State.LEAVING:
        calendar.next_email, calendar.next_connection = resource.calendar_email or "", connection
        calendar.save(update_fields=["next_email", "next_connection"])
        return calendar
    return begin(resource, connection, calendar)


def begin(
    resource: Resource, connection: ExchangeConnection, calendar: CalendarLink | None
) -> CalendarLink:
    """Start with the address that the resource has claimed. Run it in a transaction."""
    now = timezone.now()
    calendar = calendar or CalendarLink(resource=resource, lease_until=now)
    email = resource.calendar_email or ""
    if calendar.email.lower() != email.lower():
        calendar.mailbox_key = None
        calendar.is_person_approved = False
    calendar.connection, calendar.email = connection, email
    calendar.state = State.CONNECTING
    calendar.claimed_at = calendar.due_at = now
    forget_trouble(calendar)
    calendar.save()
    transaction.on_commit(partial(enqueue, calendar.pk, SyncRun.Trigger.PERSON))
    return calendar


@transaction.atomic
def try_again(calendar: CalendarLink) -> None:
    """A person mended what was wrong, or wants to know: start at once.

    Raises:
        CalendarRefused: the claim was released meanwhile, and cannot be made again.
    """
    calendar = CalendarLink.objects.select_for_update(no_key=True).get(pk=calendar.pk)
    if calendar.state == State.NOT_CONNECTED:
        connect(resource=calendar.resource, email=calendar.email, connection=calendar.connection)
        return
    if calendar.state != State.LEAVING:
        calendar.state = State.WAITING if calendar.mailbox_key else State.CONNECTING
    forget_trouble(calendar)
    calendar.due_at = timezone.now()
    calendar.save()
    transaction.on_commit(partial(enqueue, calendar.pk, SyncRun.Trigger.PERSON))


def approve_person(calendar: CalendarLink) -> None:
    """Somebody says that this person's own mailbox is meant."""
    CalendarLink.objects.filter(pk=calendar.pk).update(is_person_approved=True)
    try_again(calendar)


def pause(calendar: CalendarLink) -> None:
    """Leave both sides alone for a while; nothing is forgotten."""
    rows = CalendarLink.objects.filter(pk=calendar.pk, state__in=CalendarLink.RUNNING)
    rows.update(state=State.PAUSED)


def sync_now(calendar: CalendarLink, *, is_full: bool = False) -> None:
    """Look at once, whatever the clock says; `is_full`: compare everything."""
    rows = CalendarLink.objects.filter(pk=calendar.pk, state__in=CalendarLink.WORKING)
    if is_full:
        rows.update(is_full_round_wanted=True, draft_cursor="", draft_until=None)
    rows.update(due_at=timezone.now())
    enqueue(calendar.pk, SyncRun.Trigger.PERSON)


def waiting_for_install(
    tenant: Tenant, connection: ExchangeConnection | None = None
) -> list[CalendarLink]:
    """Calendars whose claim outlived an Uninstall: *Install* offers them again.

    With a connection: without those that are known to be of another organisation than it is.
    """
    rows = CalendarLink.objects.for_tenant(tenant).filter(
        state=State.NOT_CONNECTED, mailbox_key__isnull=False
    )
    if connection is not None:
        rows = rows.filter(left_organisation__in=["", connection.organisation_id])
    return list(rows.select_related("resource__location__tenant"))


@transaction.atomic
def reconnect(calendars: Iterable[CalendarLink], connection: ExchangeConnection) -> int:
    """Connect again what an Uninstall left; how many. What both sides agreed on is adopted."""
    count = 0
    for calendar in calendars:
        connect(resource=calendar.resource, email=calendar.email, connection=connection)
        count += 1
    return count


def release_claims(now: dt.datetime | None = None) -> int:
    """Give free the addresses that were claimed a day ago and never proved; how many."""
    now = now or timezone.now()
    old = CalendarLink.objects.filter(
        mailbox_key=None, claimed_at__lte=now - CLAIM_LASTS, state__in=_UNPROVED
    ).select_related("resource")
    count = 0
    for calendar in old:
        with transaction.atomic():
            # The state keeps what was typed, and the words; the address is free for others.
            released = CalendarLink.objects.filter(
                pk=calendar.pk, mailbox_key=None, state__in=_UNPROVED
            ).update(state=State.NOT_CONNECTED)
            if released:
                resources.set_calendar_email(calendar.resource, None)
                count += 1
    return count


_UNPROVED = (State.CONNECTING, State.WAITING, State.NEEDS_ATTENTION, State.PAUSED)


def prove(session: Session) -> None:
    """Open the mailbox for the first time: the proof of the claim.

    Raises:
        Misconfigured: another resource has this mailbox, or it is a person's, or there is none.
        AccessDenied: it can be read, and not written.
    """
    mailbox = _opened(session)
    calendar = session.calendar
    crossed = crossing.look(session, mailbox)
    with transaction.atomic():
        session.lease.commit()
        refuse_taken(calendar, mailbox)
        calendar.mailbox_key = mailbox.key
        calendar.folder_id = mailbox.folder_id
        calendar.mailbox_name = mailbox.name[:255]
        calendar.mailbox_kind = mailbox.kind.value
        if not session.is_dry:
            calendar.save(
                update_fields=["mailbox_key", "folder_id", "mailbox_name", "mailbox_kind"]
            )
        crossing.rename(calendar, crossed)
        _wake_links(calendar)
        arriving.adopt(calendar, crossed.arrived)
    session.is_mailbox_proved = True


def forget_trouble(calendar: CalendarLink) -> None:
    """Take away what the last failures left; the caller saves."""
    calendar.error_kind = calendar.cause = calendar.fix = calendar.command = ""
    calendar.failed_at = None
    calendar.failures = calendar.barren_starts = 0


def _chosen(tenant: Tenant, connection: ExchangeConnection | None) -> ExchangeConnection:
    """The given one if it is the tenant's; without one, the only one there is."""
    mine = list(ExchangeConnection.objects.for_tenant(tenant).installed())
    if connection is not None:
        mine = [one for one in mine if one == connection]
    match mine:
        case []:
            raise CalendarRefused(
                _(
                    "Could not connect resource to calendar: Exchange is not installed. "
                    "Install it first, under Apps, Exchange."
                )
            )
        case [one]:
            return one
        case _:
            raise CalendarRefused(
                _(
                    "Could not connect resource to calendar: there are several Exchange "
                    "connections. Choose the one that has this mailbox."
                )
            )


def _opened(session: Session) -> Mailbox:
    calendar = session.calendar
    try:
        mailbox = session.port.open()
    except NotFound as exc:
        raise Misconfigured(
            _("There is no mailbox %(email)s, or this account may not see it.")
            % {"email": calendar.email},
            fix=exc.fix or _("Look at the spelling, and at the rights on the mailbox."),
            command=exc.command,
        ) from exc
    refuse_read_only(calendar, mailbox)
    if mailbox.kind is MailboxKind.USER and not calendar.is_person_approved:
        asked = Misconfigured(
            _("%(email)s is a person's own mailbox, not that of a room or of equipment.")
            % {"email": calendar.email},
            fix=_(
                "Several calendars under one account cannot be connected: each resource needs a "
                "mailbox of its own. If this one is meant all the same, say so."
            ),
        )
        asked.kind = PERSONS
        raise asked
    return mailbox


def refuse_read_only(calendar: CalendarLink, mailbox: Mailbox) -> None:
    """Raise AccessDenied for a calendar that the account may not write to."""
    if mailbox.can_write:
        return
    folder = argument(calendar.email + ":\\Calendar")
    raise AccessDenied(
        _("The calendar of %(email)s can be read, but not written.") % {"email": calendar.email},
        fix=_("Give the account the right to edit this calendar."),
        command=f"Set-MailboxFolderPermission {folder} -User <service account> -AccessRights Editor",
    )


def refuse_taken(calendar: CalendarLink, mailbox: Mailbox) -> None:
    """Raise Misconfigured where another resource has this mailbox: aliases of one meet here.

    Names the other resource if it is the same tenant's.
    """
    taken = CalendarLink.objects.filter(mailbox_key=mailbox.key).exclude(pk=calendar.pk)
    other = taken.select_related("resource__location__tenant").first()
    if other is None:
        return
    if other.tenant == calendar.tenant:
        words = _(
            "%(email)s opens the mailbox that “%(resource)s” in %(location)s is connected to."
        ) % {
            "email": calendar.email,
            "resource": other.resource,
            "location": other.resource.location,
        }
        raise Misconfigured(words, fix=_("Use another mailbox, or disconnect it there first."))
    words = resources.anothers(calendar.resource, other.resource)
    raise Misconfigured(words[:1].upper() + words[1:], fix=_("Use another mailbox."))


def _wake_links(calendar: CalendarLink) -> None:
    """Back at a mailbox that was left: its pairs go on where they stopped.

    Of several about one booking or one event the newest counts: in between the booking may have
    been paired anew, at another mailbox and back.
    """
    links = EventLink.objects.filter(calendar=calendar)
    bookings = set(links.current().values_list("booking", flat=True))
    events = set(links.current().values_list("item_id", "original_start"))
    for link in links.filter(
        state=EventLink.State.DORMANT, mailbox_key=calendar.mailbox_key
    ).order_by("-pk"):
        key = (link.item_id, link.original_start)
        is_known = link.booking_id in bookings or (link.item_id and key in events)
        bookings.add(link.booking_id)
        events.add(key)
        if is_known:
            link.state = EventLink.State.FORGOTTEN
        else:
            link.state = EventLink.State.LIVE if link.item_id else EventLink.State.CREATING
        link.mailbox_key = link.id_wire = ""
        link.save(update_fields=["state", "mailbox_key", "id_wire"])
