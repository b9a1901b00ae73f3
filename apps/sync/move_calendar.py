"""One calendar goes to another connection: what it would find there, and the change itself.

`look` reads alone. `carry` takes what was found over in one transaction: until that is committed the
calendar is on its old connection with all that it knows, after it on the new one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from apps.exchange import services as connections
from apps.exchange.calendar import MailboxKind
from apps.exchange.errors import (
    AuthenticationFailed,
    ExchangeError,
    Misconfigured,
    Transient,
)
from apps.exchange.models import ExchangeConnection
from apps.exchange.translation import is_same_folder
from apps.sync import arriving, recognising, services, subscribing
from apps.sync.connecting import forget_trouble, refuse_read_only, refuse_taken
from apps.sync.dispatch import enqueue
from apps.sync.models import (
    CalendarLink,
    Conflict,
    EventLink,
    EventLinkQuerySet,
    RemoteEvent,
    SyncRun,
)
from apps.sync.move_models import CalendarMove, KeptId
from apps.sync.rematching import Known, Rematch, by_id
from apps.sync.session import window_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from apps.exchange.calendar import Calendar, CalendarEvent, Mailbox, Window
    from apps.exchange.translation import Translator
    from apps.sync.lease import Lease

State = CalendarLink.State


class LeftOut(Exception):
    """The calendar is no longer what was to be moved: disconnected, or moved otherwise."""


class InFlight(Exception):
    """An event that was sent a moment ago may still arrive over the old wire."""

    def __init__(self, until: dt.datetime) -> None:
        self.until = until
        super().__init__(str(until))


@dataclass(slots=True)
class Look:
    """What was found for a calendar over the new connection."""

    mailbox: Mailbox | None = None
    rematch: Rematch = field(default_factory=Rematch)
    # Of pairs, by the way in which their events were found.
    translated: int = 0
    matched: int = 0
    missing: int = 0
    in_flight: int = 0
    # Links whose create left without an answer, and the event that came of it.
    arrived: dict[int, CalendarEvent] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Way:
    """From one connection to another, for one calendar."""

    calendar: CalendarLink
    target: ExchangeConnection
    port: Calendar
    translator: Translator
    window: Window
    now: dt.datetime
    renew: Callable[[], None]

    @property
    def leads_to_graph(self) -> bool:
        return self.target.wire == ExchangeConnection.Wire.GRAPH

    def translation(self, ids: list[str]) -> Mapping[str, str]:
        """Ids of the old wire with those of the new one, as far as anybody knows them."""
        kept = KeptId.objects.filter(calendar=self.calendar, connection=self.target)
        known = dict(kept.filter(new_id__in=ids).order_by("pk").values_list("new_id", "old_id"))
        left = [one for one in ids if one not in known]
        translate = self.translator.to_graph if self.leads_to_graph else self.translator.to_ews
        try:
            return {**(translate(left) if left else {}), **known}
        except ExchangeError as exc:
            # A grant for calendars alone may not cover it: UIDs will do. And on the way back from
            # Graph, which may be out of order, most ids are known from before.
            if self.leads_to_graph and isinstance(exc, AuthenticationFailed | Transient):
                raise
            return known


def look(
    calendar: CalendarLink,
    target: ExchangeConnection,
    now: dt.datetime,
    renew: Callable[[], None] = lambda: None,
) -> Look:
    """Find what the calendar knows over the new connection. Changes nothing on either side.

    Raises:
        Misconfigured: another mailbox is there, or another resource has it.
        ExchangeError: it does not open there.
    """
    if calendar.mailbox_key is None:
        # Never opened: it is connected anew over there.
        return Look()
    way = _way(calendar, target, now, renew)
    known = _known(calendar)
    found = Look(rematch=by_id(known, way.translation([one.item_id for one in known])))
    found.mailbox = _open(way)
    refuse_taken(calendar, found.mailbox)
    pairs = _pairs(calendar, now)
    recognising.find(way, found.rematch, [one for one in known if one.item_id in pairs])
    if not _is_same_mailbox(way, found, known):
        raise Misconfigured(
            _("Over %(connection)s, %(email)s opens another mailbox. Nothing was moved.")
            % {"connection": target, "email": calendar.email},
            fix=_(
                "Look whether the address still belongs to the same mailbox. If it was made anew on "
                "purpose, disconnect the resource and connect it again."
            ),
        )
    for item_id, count in pairs.items():
        if item_id in found.rematch.translated:
            found.translated += count
        elif item_id in found.rematch.matched:
            found.matched += count
        else:
            found.missing += count
    _find_arrived(way, found)
    return found


def carry(
    row: CalendarMove, calendar: CalendarLink, found: Look, lease: Lease, now: dt.datetime
) -> None:
    """Let the calendar go on over the new connection, with all its pairs, in one transaction.

    Raises:
        LeftOut: it was disconnected meanwhile.
        LeaseLost: another worker may have it.
    """
    move = row.move
    with transaction.atomic():
        lease.commit()
        calendar = CalendarLink.objects.select_for_update(no_key=True).get(pk=calendar.pk)
        if not may_move(calendar, move.source_id):
            raise LeftOut
        row.old_mailbox_key = calendar.mailbox_key or ""
        row.old_folder_id = calendar.folder_id
        _keep_ids(calendar, move.source, found.rematch.ids)
        _rename(calendar, found, move.target.wire, now)
        arriving.adopt(calendar, found.arrived)
        _switch(calendar, move.target, found.mailbox, now)
        row.state, row.moved_at = CalendarMove.State.MOVED, now
        row.translated, row.matched, row.missing = found.translated, found.matched, found.missing
        row.in_flight = 0
        row.error_kind = row.cause = row.fix = row.command = ""
        row.not_before = None
        row.save()
        transaction.on_commit(partial(enqueue, calendar.pk, SyncRun.Trigger.PERSON))


def may_move(calendar: CalendarLink, source_id: int) -> bool:
    """Whether it is still on its old connection, and not about to leave its mailbox."""
    is_staying = calendar.state not in {State.LEAVING, State.NOT_CONNECTED}
    return is_staying and calendar.connection_id == source_id


# --- What is known, and what is found ---------------------------------------------------------------


def _way(
    calendar: CalendarLink,
    target: ExchangeConnection,
    now: dt.datetime,
    renew: Callable[[], None],
) -> _Way:
    is_graph = target.wire == ExchangeConnection.Wire.GRAPH
    over_graph = target if is_graph else calendar.connection
    if over_graph is None:
        raise LeftOut
    return _Way(
        calendar,
        target,
        services.calendar_for(target, calendar.email),
        connections.translator_for(over_graph, calendar.email),
        window_of(now, calendar.tenant.window_days),
        now,
        renew,
    )


def _open(way: _Way) -> Mailbox:
    mailbox = way.port.open()
    refuse_read_only(way.calendar, mailbox)
    return mailbox


def _known(calendar: CalendarLink) -> list[Known]:
    """Every item that a link, the mirror or an open conflict names."""
    uids: dict[str, str] = {}
    places: dict[str, set[tuple[str, dt.datetime]]] = {}
    rows = RemoteEvent.objects.filter(calendar=calendar)
    links = _links(calendar)
    for item_id, start, uid, at in (
        *links.values_list("item_id", "original_start", "uid", "booking__starts_at"),
        # What was read says it best.
        *rows.values_list("item_id", "original_start", "uid", "starts_at"),
    ):
        uids[item_id] = uid or uids.get(item_id, "")
        places.setdefault(item_id, set()).add((start, at))
    asked = Conflict.objects.open().filter(calendar=calendar).values_list("item_id", flat=True)
    item_ids = [one for one in dict.fromkeys([*places, *asked]) if one]
    return [Known(one, uids.get(one, ""), frozenset(places.get(one, ()))) for one in item_ids]


def _links(calendar: CalendarLink) -> EventLinkQuerySet:
    """Those of this mailbox that may count again, sleeping ones too."""
    of_this = Q(mailbox_key__in=("", calendar.mailbox_key or ""))
    links = EventLink.objects.filter(of_this, calendar=calendar)
    return links.exclude(state=EventLink.State.FORGOTTEN)


def _pairs(calendar: CalendarLink, now: dt.datetime) -> Counter[str]:
    """How many pairs that are not over each item has."""
    links = EventLink.objects.filter(
        calendar=calendar, state=EventLink.State.LIVE, booking__ends_at__gt=now
    )
    return Counter(links.values_list("item_id", flat=True))


def _is_same_mailbox(way: _Way, found: Look, known: list[Known]) -> bool:
    """Whether both wires open the same calendar: by its folder, else by what lies in it."""
    calendar, mailbox = way.calendar, found.mailbox
    if mailbox is None or _came_from(way, mailbox):
        return True
    if is_same_folder(calendar.folder_id or calendar.mailbox_key or "", mailbox.folder_id):
        return True
    # Where nothing was known, there is nothing that could be lost.
    return not known or recognising.one_is_there(way, known, found.rematch.ids)


def _came_from(way: _Way, mailbox: Mailbox) -> bool:
    """Whether it is the calendar that was open over this connection before."""
    before = CalendarMove.objects.filter(
        calendar=way.calendar, move__source=way.target, state=CalendarMove.State.MOVED
    ).exclude(old_mailbox_key="")
    return before.filter(old_mailbox_key=mailbox.key, old_folder_id=mailbox.folder_id).exists()


def _find_arrived(way: _Way, found: Look) -> None:
    """Look for what was sent without an answer.

    Raises:
        InFlight: it may still be on its way.
    """
    creating = EventLink.objects.filter(calendar=way.calendar, state=EventLink.State.CREATING)
    sent = list(arriving.sent(creating))
    found.in_flight = len(sent)
    found.arrived, waits_until = arriving.find(way, way.calendar, sent, way.now)
    if waits_until is not None:
        raise InFlight(waits_until)


# --- The change -------------------------------------------------------------------------------------


def _keep_ids(calendar: CalendarLink, source: ExchangeConnection, ids: Mapping[str, str]) -> None:
    KeptId.objects.filter(calendar=calendar, connection=source).delete()
    KeptId.objects.bulk_create(
        (
            KeptId(calendar=calendar, connection=source, old_id=old, new_id=new)
            for old, new in ids.items()
        ),
        batch_size=500,
    )


def _rename(calendar: CalendarLink, found: Look, wire: str, now: dt.datetime) -> None:
    """Links, mirror and open conflicts under the ids of the new wire.

    What no link names and no id was found for is read anew. What a link names keeps its old id
    then: the next round looks for its event by UID before it counts as gone.
    """
    ids = found.rematch.ids
    key = found.mailbox.key if found.mailbox else ""
    links = list(_links(calendar))
    named = {link.item_id for link in links if link.state == EventLink.State.LIVE}
    for link in links:
        if link.mailbox_key:
            link.mailbox_key = key
            link.id_wire = wire if link.item_id in ids else link.id_wire
        link.item_id = ids.get(link.item_id, link.item_id)
    EventLink.objects.bulk_update(links, ["item_id", "mailbox_key", "id_wire"], batch_size=500)
    events = RemoteEvent.objects.filter(calendar=calendar)
    events.exclude(item_id__in=[*ids, *named]).delete()
    rows = list(events)
    for row in rows:
        row.item_id = ids.get(row.item_id, row.item_id)
        # Versions, and how an occurrence is reached, are each wire's own.
        row.wire_id = row.change_key = ""
        row.is_untold = False
        if row.problem:
            row.read_again_at = now
    RemoteEvent.objects.bulk_update(
        rows, ["item_id", "wire_id", "change_key", "is_untold", "read_again_at"], batch_size=500
    )
    conflicts = list(Conflict.objects.open().filter(calendar=calendar).exclude(item_id=""))
    for conflict in conflicts:
        conflict.item_id = ids.get(conflict.item_id, conflict.item_id)
    Conflict.objects.bulk_update(conflicts, ["item_id"], batch_size=500)


def _switch(
    calendar: CalendarLink,
    target: ExchangeConnection,
    mailbox: Mailbox | None,
    now: dt.datetime,
) -> None:
    calendar.connection = target
    if mailbox is not None:
        calendar.mailbox_key = mailbox.key
        # One that was on its way back to its mailbox is still to be opened: that wakes its pairs.
        calendar.folder_id = mailbox.folder_id if calendar.folder_id else ""
        calendar.mailbox_name = mailbox.name[:255] or calendar.mailbox_name
        if mailbox.kind is not MailboxKind.UNKNOWN:
            calendar.mailbox_kind = mailbox.kind.value
    calendar.cursor = calendar.draft_cursor = calendar.rests_with = ""
    calendar.draft_until, calendar.draft_days = None, 0
    calendar.is_full_round_wanted = True
    calendar.push_until = calendar.heard_at = None
    subscribing.end(calendar)
    if calendar.state != State.PAUSED:
        forget_trouble(calendar)
        if calendar.state == State.NEEDS_ATTENTION:
            calendar.state = State.WAITING if calendar.mailbox_key else State.CONNECTING
    calendar.due_at = now
    calendar.save()
