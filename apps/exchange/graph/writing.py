"""Writing into one mailbox's calendar: each write leaves once, under the condition that it was planned with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.exchange.calendar import Content, EventKey, EventRef, Item, Parts, Window
from apps.exchange.errors import AttemptSpent, NotFound, Rejected, StaleChangeKey
from apps.exchange.graph import codes, mapping
from apps.exchange.graph.codes import Duplicate
from apps.exchange.graph.mapping import Kind, Row, Unreadable, text
from apps.exchange.graph.whereabouts import Place, hidden

if TYPE_CHECKING:
    from apps.exchange.graph.calls import Calls
    from apps.exchange.graph.client import Client
    from apps.exchange.graph.reading import Reader
    from apps.exchange.graph.whereabouts import Whereabouts


class Writer:
    """One mailbox."""

    def __init__(
        self, client: Client, calls: Calls, reader: Reader, whereabouts: Whereabouts
    ) -> None:
        self._client = client
        self._calls = calls
        self._reader = reader
        self._whereabouts = whereabouts

    def create(self, content: Content, *, stamp: str, attempt_id: str) -> EventRef:
        """A new single, https://learn.microsoft.com/graph/api/user-post-events

        A transactionId that was used before writes nothing: the event that has it is ours.

        Raises:
            AttemptSpent: that one is not in this calendar any more.
            Duplicate: it cannot be found.
        """
        body = mapping.new_event(content, stamp=stamp, attempt_id=attempt_id)
        call = self._calls.create(body)
        try:
            row = self._client.ask(call)
        except Duplicate as error:
            found = self._written_before(error, content, stamp, attempt_id)
        else:
            found = EventRef(EventKey(text(row, "id")), mapping.change_key(row))
        if not (found.key.item_id and found.change_key):
            raise codes.damaged(self._client.where(call))
        return found

    def _written_before(
        self, error: Duplicate, content: Content, stamp: str, attempt_id: str
    ) -> EventRef:
        window = Window(content.starts_at, content.ends_at)
        if error.existing:
            items, lost = self._reader.read({error.existing: False}, window)
        else:
            items, lost = list(self._reader.find(window, stamp=stamp)), ()
        for item in items:
            if not item.is_series and any(one.attempt_id == attempt_id for one in item.events):
                match self._whereabouts.of(item):
                    case Place.SHOWN | Place.HIDDEN:
                        return item.events[0].ref
                    case Place.ELSEWHERE:
                        # In another calendar, or deleted: a person has put it there.
                        lost = (item.item_id,)
                    case Place.UNKNOWN:
                        raise error
        if lost:
            raise AttemptSpent(_("This event was written before, and is not in the calendar now."))
        # Not an unclear answer: that would keep all others waiting, each time anew.
        raise error

    def update(self, ref: EventRef, content: Content, parts: Parts) -> EventRef:
        """https://learn.microsoft.com/graph/api/event-update

        An occurrence is written by its own id, and becomes an exception.
        """
        call = self._calls.update(
            self._own_id(ref), mapping.changes(content, parts), ref.change_key
        )
        try:
            row = self._client.ask(call)
        except StaleChangeKey:
            # Moved to another calendar it has another version, too.
            self._current(ref, is_any_version=True)
            raise
        if not mapping.change_key(row):
            raise codes.damaged(self._client.where(call))
        own_id = text(row, "id") if ref.key.original_start else ""
        return EventRef(ref.key, mapping.change_key(row), own_id)

    def delete(self, ref: EventRef) -> None:
        """https://learn.microsoft.com/graph/api/event-delete

        Whether it looks at If-Match is nowhere written, so the event is read before.
        """
        row = self._current(ref)
        self._client.ask(self._calls.delete(text(row, "id"), mapping.change_key(row)))

    def decline(self, ref: EventRef) -> None:
        """https://learn.microsoft.com/graph/api/event-decline, which knows no If-Match."""
        row = self._current(ref)
        try:
            is_invitation = mapping.event(row).is_invitation
        except Unreadable:
            is_invitation = True
        if not is_invitation:
            raise Rejected(_("An appointment without another organiser cannot be declined."))
        self._client.ask(self._calls.decline(text(row, "id")))

    def _current(self, ref: EventRef, *, is_any_version: bool = False) -> Row:
        """The event as it is now, if nobody changed it since that version.

        Raises:
            NotFound, StaleChangeKey.
            Rejected: nothing tells where it lies.
        """
        own_id = self._own_id(ref)
        row = self._client.ask(self._calls.event(own_id))
        is_occurrence = mapping.kind(row) in (Kind.OCCURRENCE, Kind.EXCEPTION)
        is_another = is_occurrence != bool(ref.key.original_start)
        place = Place.ELSEWHERE if is_another else self._place(row)
        if place is Place.ELSEWHERE:
            raise NotFound(_("The event is not in this calendar."))
        if place is Place.UNKNOWN:
            raise Rejected(hidden())
        if not is_any_version and mapping.change_key(row) != ref.change_key:
            raise StaleChangeKey(_("The event was changed since it was read."))
        return row

    def _place(self, row: Row) -> Place:
        if mapping.kind(row) is Kind.MASTER:
            return Place.SHOWN
        key = EventKey(mapping.item_id(row))
        try:
            return self._whereabouts.of(Item(key.item_id, (mapping.event(row, key),)))
        except Unreadable:
            return Place.SHOWN

    def _own_id(self, ref: EventRef) -> str:
        """The id under which Graph knows the single, or this one occurrence.

        Raises:
            NotFound: the series has no such occurrence.
        """
        if ref.wire_id or not ref.key.original_start:
            return ref.wire_id or ref.key.item_id
        at = mapping.around(ref.key.original_start)
        items, _lost = self._reader.read({ref.key.item_id: True}, at)
        for item in items:
            for event in item.events:
                if event.key == ref.key:
                    return event.wire_id
        raise NotFound(_("The event is not in this calendar."))
