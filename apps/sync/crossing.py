"""Uninstalled over one wire, installed over the other: what fell asleep over the one wakes over the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils.translation import gettext as _

from apps.exchange import services as connections
from apps.exchange.errors import AuthenticationFailed, ExchangeError, Transient
from apps.exchange.models import ExchangeConnection
from apps.exchange.translation import is_same_folder
from apps.sync import arriving
from apps.sync.models import EventLink
from apps.sync.recognising import find, one_is_there
from apps.sync.rematching import Known, by_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.exchange.calendar import Calendar, CalendarEvent, Mailbox, Window
    from apps.sync.models import CalendarLink, EventLinkQuerySet
    from apps.sync.rematching import Place
    from apps.sync.session import Session


@dataclass(frozen=True, slots=True)
class Crossing:
    """Sleeping links of a mailbox that know it over another wire, and what their events are called over this one."""

    links: frozenset[int] = frozenset()
    ids: Mapping[str, str] = field(default_factory=dict)
    # Of links whose create left without an answer: the event that came of it.
    arrived: Mapping[int, CalendarEvent] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Way:
    session: Session

    @property
    def port(self) -> Calendar:
        return self.session.port

    @property
    def window(self) -> Window:
        return self.session.window

    @property
    def leads_to_graph(self) -> bool:
        connection = self.session.calendar.connection
        return connection is not None and connection.wire == ExchangeConnection.Wire.GRAPH

    def renew(self) -> None:
        self.session.lease.renew()


def look(session: Session, mailbox: Mailbox) -> Crossing:
    """Find what sleeps of the mailbox that was opened, under ids of another wire.

    That the folder is the same proves that the mailbox is. Where folders tell nothing, and the claim
    of the address was kept, an event that both have does.

    Raises:
        ExchangeError: it could not be asked for just now.
    """
    foreign = _foreign(session.calendar, mailbox)
    keys = set(foreign.values_list("mailbox_key", flat=True))
    same = {key for key in keys if is_same_folder(key, mailbox.folder_id)}
    claim = session.calendar.mailbox_key
    is_in_doubt = not same and claim in keys
    mine = foreign.filter(mailbox_key__in={claim} if is_in_doubt else same)
    known, way = _known(mine), _Way(session)
    found = by_id(known, _translated(session, [one.item_id for one in known]) if known else {})
    coming = set(_coming(mine, session).values_list("item_id", flat=True))
    find(way, found, [one for one in known if one.item_id in coming])
    if is_in_doubt and not one_is_there(way, known, found.ids):
        return Crossing()
    return Crossing(_keys(mine), found.ids, _arrived(way, mine))


def _arrived(way: _Way, links: EventLinkQuerySet) -> Mapping[int, CalendarEvent]:
    """What was sent over Graph: EWS does not tell by which attempt. Over Graph the stamp's UID does.

    Raises:
        Transient: it may still be on its way.
    """
    if way.leads_to_graph:
        return {}
    began_at = way.session.began_at
    sent = arriving.sent(_coming(links, way.session))
    arrived, waits_until = arriving.find(way, way.session.calendar, sent, began_at)
    if waits_until is not None:
        raise Transient(
            _("An event that was sent a moment ago may still arrive in the mailbox."),
            fix=_("Nothing: it is looked for again."),
            retry_after=waits_until - began_at,
        )
    return arrived


def rename(calendar: CalendarLink, crossing: Crossing) -> None:
    """Put sleeping links under the mailbox's present key. Run it in the transaction that proves it."""
    links = list(EventLink.objects.filter(pk__in=crossing.links, state=EventLink.State.DORMANT))
    for link in links:
        link.item_id = crossing.ids.get(link.item_id, link.item_id)
        link.mailbox_key = calendar.mailbox_key or ""
    EventLink.objects.bulk_update(links, ["item_id", "mailbox_key"], batch_size=500)


def _foreign(calendar: CalendarLink, mailbox: Mailbox) -> EventLinkQuerySet:
    """Those that fell asleep over another wire; of old ones their mailbox's key alone tells."""
    wire = calendar.connection.wire if calendar.connection is not None else ""
    sleeping = EventLink.objects.filter(calendar=calendar, state=EventLink.State.DORMANT)
    return sleeping.exclude(Q(id_wire=wire) | Q(id_wire="", mailbox_key=mailbox.key))


def _keys(links: EventLinkQuerySet) -> frozenset[int]:
    return frozenset(links.values_list("pk", flat=True))


def _coming(links: EventLinkQuerySet, session: Session) -> EventLinkQuerySet:
    """Those whose events can still be seen; the others stay as they are."""
    return links.filter(booking__ends_at__gt=session.window.starts_at)


def _known(links: EventLinkQuerySet) -> list[Known]:
    """Each item that a sleeping link names; those of a series share theirs."""
    uids: dict[str, str] = {}
    places: dict[str, set[Place]] = {}
    for link in links.exclude(item_id="").select_related("booking"):
        uids[link.item_id] = link.uid or uids.get(link.item_id, "")
        places.setdefault(link.item_id, set()).add((link.original_start, link.booking.starts_at))
    return [Known(one, uids[one], frozenset(found)) for one, found in places.items()]


def _translated(session: Session, ids: list[str]) -> Mapping[str, str]:
    connection = session.calendar.connection
    if connection is None or connection.wire != ExchangeConnection.Wire.GRAPH:
        # Graph alone translates, and it is not there any more: UIDs will do.
        return {}
    translator = connections.translator_for(connection, session.calendar.email)
    try:
        return translator.to_graph(list(dict.fromkeys(ids)))
    except (AuthenticationFailed, Transient):
        raise
    except ExchangeError:
        # A grant for calendars alone may not cover it.
        return {}
