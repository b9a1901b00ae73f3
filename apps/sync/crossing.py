"""Uninstalled over EWS, installed over Microsoft Graph: what fell asleep over the one wire wakes over the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.exchange import services as connections
from apps.exchange.errors import AuthenticationFailed, ExchangeError, Transient
from apps.exchange.models import ExchangeConnection
from apps.sync.models import EventLink
from apps.sync.rematching import Known, by_id, by_uid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.exchange.calendar import Mailbox
    from apps.exchange.translation import Translator
    from apps.sync.models import CalendarLink, EventLinkQuerySet
    from apps.sync.rematching import Place
    from apps.sync.session import Session


def ids_of_sleeping(session: Session, mailbox: Mailbox) -> Mapping[str, str] | None:
    """What the events of sleeping links are called over this wire; None where nothing goes across.

    That the folder is the same proves that the mailbox is: EWS's id of it is kept as the claim.

    Raises:
        ExchangeError: it could not be asked for just now.
    """
    calendar, connection = session.calendar, session.calendar.connection
    before = calendar.mailbox_key or ""
    if not before or before == mailbox.key or connection is None:
        return None
    if connection.wire != ExchangeConnection.Wire.GRAPH:
        return None
    translator = connections.translator_for(connection, calendar.email)
    if not translator.is_same_folder(before, mailbox.folder_id):
        return None
    known = _known(calendar, before)
    found = by_id(known, _translated(translator, [one.item_id for one in known]))
    for one in known:
        if one.item_id in found.missing and one.uid:
            session.lease.renew()
            by_uid(found, [one], session.port.find(session.window, uid=one.uid))
    return found.ids


def rename_sleeping(calendar: CalendarLink, before: str, ids: Mapping[str, str]) -> None:
    """Put sleeping links under the mailbox's present key. Run it in the transaction that proves it."""
    links = list(_sleeping(calendar, before))
    for link in links:
        link.item_id = ids.get(link.item_id, link.item_id)
        link.mailbox_key = calendar.mailbox_key or ""
    EventLink.objects.bulk_update(links, ["item_id", "mailbox_key"], batch_size=500)


def _known(calendar: CalendarLink, mailbox_key: str) -> list[Known]:
    """Each item that a sleeping link names; those of a series share theirs."""
    uids: dict[str, str] = {}
    places: dict[str, set[Place]] = {}
    for link in _sleeping(calendar, mailbox_key).exclude(item_id="").select_related("booking"):
        uids[link.item_id] = link.uid or uids.get(link.item_id, "")
        places.setdefault(link.item_id, set()).add((link.original_start, link.booking.starts_at))
    return [Known(one, uids[one], frozenset(found)) for one, found in places.items()]


def _sleeping(calendar: CalendarLink, mailbox_key: str) -> EventLinkQuerySet:
    return EventLink.objects.filter(
        calendar=calendar, state=EventLink.State.DORMANT, mailbox_key=mailbox_key
    )


def _translated(translator: Translator, ids: list[str]) -> Mapping[str, str]:
    wanted = list(dict.fromkeys(one for one in ids if one))
    try:
        return translator.to_graph(wanted) if wanted else {}
    except (AuthenticationFailed, Transient):
        raise
    except ExchangeError:
        # A grant for calendars alone may not cover it: UIDs will do.
        return {}
