"""Events: list, create, read, change, delete, answer.

Sources: learn.microsoft.com/graph/api/calendar-list-events, …/user-post-events, …/event-get, …/event-update,
…/event-delete, …/event-list-instances, …/event-cancel, …/event-decline, …/event-accept, …/event-tentativelyaccept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.sandbox import zones
from apps.sandbox.graph import lists, queries, reading
from apps.sandbox.graph.call import Answer, Call
from apps.sandbox.graph.errors import GraphError, bad
from apps.sandbox.graph.showing import Showing, etag, event
from apps.sandbox.store import StoreError, series

if TYPE_CHECKING:
    import datetime as dt

    from apps.sandbox.store import Folder, Item
    from apps.sandbox.store.meetings import Reply

# What is the organiser's own: nobody is told when it changes.
OWN = frozenset({"extended", "categories", "reminder_is_set", "reminder_minutes", "show_as"})


def list_events(call: Call) -> Answer:
    """Answer GET events: singles and masters, the newest first."""
    folder = call.readable()
    slots = sorted(folder.slots.values(), key=lambda slot: -slot.created_seq)
    items = [slot.item for slot in slots]
    return lists.page(call, queries.ordered(call, queries.filtered(call, items)), _context(call))


def get_event(call: Call) -> Answer:
    """Answer GET events/{id}."""
    return _shown(call, call.item(call.readable()))


def instances(call: Call) -> Answer:
    """Answer GET events/{id}/instances: the occurrences and exceptions of a series in a window."""
    folder = call.readable()
    start, end = lists.window(call)
    item = call.item(folder)
    if item.recurrence is None:
        text = "The id is not that of a recurring master."
        raise bad(text, "ErrorInvalidRequest")
    found = series.between(item, start, end)
    return lists.page(call, queries.ordered(call, queries.filtered(call, found)), _context(call))


def create(call: Call) -> Answer:
    """Answer POST events: with attendees, invitations are always sent."""
    folder = call.writable()
    fields = reading.read(call.body)
    transaction = reading.transaction_id(call.body)
    if "start" not in fields or "end" not in fields:
        name = "End" if "start" in fields else "Start"
        raise bad(f"The property '{name}' is required when creating the entity.", reading.INVALID)
    if transaction:
        _refuse_second(call, folder, transaction)
    send = bool(fields.get("attendees"))
    item = call.store.create(folder.id, fields, send=send, transaction_id=transaction)
    return _shown(call, item, status=201)


def _refuse_second(call: Call, folder: Folder, transaction: str) -> None:
    """Refuse a transaction id that an event in this mailbox's calendars has."""
    mailbox = call.store.mailbox_of(folder)
    for one in (mailbox.calendar, mailbox.other):
        for item in one.items:
            if item.transaction_id != transaction:
                continue
            how = call.hits.first("duplicate") or {"status": 409, "names_event": True}
            more = {"@event.existingEventId": call.id_of(item)} if how["names_event"] else {}
            raise GraphError("ErrorDuplicateTransactionId", status=how["status"], more=more)


def change(call: Call) -> Answer:
    """Answer PATCH events/{id}: what changes for attendees is mailed to them; new attendees alone to the new ones."""
    item = call.item(call.writable())
    _refuse_stale(call, item)
    fields = reading.read(call.body, item)
    if item.index and "start" in fields:
        _refuse_others_days(call, item, fields["start"])
    changed = call.store.change(
        item.id,
        fields,
        send=bool(fields.keys() - OWN) and not item.is_cancelled,
        changed_only=fields.keys() <= {"attendees", *OWN},
    )
    return _shown(call, changed)


def _refuse_others_days(call: Call, item: Item, start: dt.datetime) -> None:
    """Keep an occurrence between the days of its neighbours. Raises GraphError ErrorOccurrenceCrossingBoundary."""
    master = call.store.item(item.master_id)
    zone = zones.zone(master.start_zone)
    before, after = series.neighbours(master, item.index)
    day = start.astimezone(zone).date()
    early = before is not None and day <= before.start.astimezone(zone).date()
    late = after is not None and day >= after.start.astimezone(zone).date()
    if early or late:
        text = "Modified occurrence is crossing or overlapping adjacent occurrence."
        raise bad(text, "ErrorOccurrenceCrossingBoundary")


def delete(call: Call) -> Answer:
    """Answer DELETE events/{id}: the organiser's attendees get a cancellation; an attendee's copy just goes."""
    item = call.item(call.writable())
    _refuse_stale(call, item)
    is_organizer = item.my_response == "Organizer"
    call.store.delete(item.id, "MoveToDeletedItems", send=is_organizer)
    return Answer(204)


def cancel(call: Call) -> Answer:
    """Answer POST events/{id}/cancel."""
    item = call.item(call.writable())
    try:
        call.store.cancel(item.id, _comment(call))
    except StoreError as error:
        if error.code != "ErrorCalendarIsNotOrganizer":
            raise
        text = "Your request can't be completed. You need to be an organizer to cancel a meeting."
        raise bad(text, "ErrorInvalidRequest") from None
    return Answer(202)


def accept(call: Call) -> Answer:
    """Answer POST events/{id}/accept."""
    return _respond(call, "Accept")


def accept_tentatively(call: Call) -> Answer:
    """Answer POST events/{id}/tentativelyAccept."""
    return _respond(call, "Tentative")


def decline(call: Call) -> Answer:
    """Answer POST events/{id}/decline: the event leaves the calendar."""
    return _respond(call, "Decline")


def _respond(call: Call, reply: Reply) -> Answer:
    item = call.item(call.writable())
    given = call.body if isinstance(call.body, dict) else {}
    try:
        call.store.respond(
            item.id, reply, body=_comment(call), send=given.get("sendResponse", True) is not False
        )
    except StoreError as error:
        if not error.code.startswith("ErrorCalendarIs"):
            raise
        text = "Your request can't be completed. You can't respond to this meeting because you're the meeting organizer."
        if "Cancelled" in error.code:
            text = "Your request can't be completed. The meeting has been cancelled."
        raise bad(text, "ErrorInvalidRequest") from None
    return Answer(202)


def _comment(call: Call) -> str:
    given = call.body if isinstance(call.body, dict) else {}
    return str(given.get("comment") or given.get("Comment") or "")


def _refuse_stale(call: Call, item: Item) -> None:
    """Refuse a write whose If-Match names another etag than the event has. Raises GraphError ErrorIrresolvableConflict."""
    given = call.headers.get("if-match", "").strip()
    if given not in {"", "*", etag(item), etag(item).removeprefix("W/")}:
        raise GraphError("ErrorIrresolvableConflict")


def _shown(call: Call, item: Item, status: int = 200) -> Answer:
    shown = event(item, Showing(call.preferences, queries.wanted(call)))
    headers = {"ETag": etag(item)}
    if status == 201:  # noqa: PLR2004 -- Created
        headers["Location"] = f"{call.owner}/events/{call.id_of(item)}"
    return Answer(status, {"@odata.context": f"{_context(call)}/$entity", **shown}, headers)


def _context(call: Call) -> str:
    return lists.context(call, "events")
