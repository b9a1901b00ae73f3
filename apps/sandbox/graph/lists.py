"""Lists of events, in pages: calendarView, and what all lists share.

Sources: learn.microsoft.com/graph/api/calendar-list-calendarview, /graph/paging.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from apps.sandbox.graph import ids, queries, times
from apps.sandbox.graph.call import Answer, Call
from apps.sandbox.graph.errors import GraphError, bad
from apps.sandbox.graph.showing import Showing, event
from apps.sandbox.store import series

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from apps.sandbox.store import Folder, Item

LONGEST_DAYS = 1825


def calendar_view(call: Call) -> Answer:
    """Answer GET calendarView: what overlaps a window, series expanded, masters left out, by start."""
    folder = call.readable()
    found = overlapping(folder, *window(call))
    return page(
        call, queries.ordered(call, queries.filtered(call, found)), context(call, "calendarView")
    )


def overlapping(folder: Folder, start: dt.datetime, end: dt.datetime) -> list[Item]:
    """List what overlaps a window, or ends just at its start, series expanded, by start."""
    found: list[Item] = []
    for item in folder.items:
        if item.recurrence is not None:
            found += series.between(item, start, end)
        elif item.end >= start and item.start < end:
            found.append(item)
    return sorted(found, key=lambda one: (one.start, one.end, one.id))


def window(call: Call) -> tuple[dt.datetime, dt.datetime]:
    """Read startDateTime and endDateTime; without an offset they are in UTC. Raises GraphError."""
    given = [call.argument("startDateTime"), call.argument("endDateTime")]
    if not all(given):
        text = "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime."
        raise bad(text, "ErrorInvalidParameter")
    start, end = (times.moment(one) for one in given)
    if end < start:
        text = "The EndDate is earlier than the StartDate."
        raise bad(text, "ErrorCalendarEndDateIsEarlierThanStartDate")
    if (end - start).days > LONGEST_DAYS:
        text = "The requested time duration specified for FreeBusyViewOptions.TimeWindow is not within the allowed limits."
        raise GraphError("ErrorCalendarViewRangeTooBig", text)
    return start, end


def context(call: Call, what: str) -> str:
    """Write the address that says what an answer is made of."""
    user = quote(ids.object_id(call.store, call.mailbox()))
    return f"{call.service}/$metadata#users('{user}')/{what}"


def page(call: Call, items: list[Item], told: str) -> Answer:
    """Give the part of a list that $top and $skip name, and the address of the next."""
    showing = Showing(call.preferences, queries.wanted(call))
    size, begin = queries.page_size(call), queries.skipped(call)
    cut = call.hits.first("truncate")
    if call.hits.first("empty-page") is not None:
        size = 0
    elif cut is not None:
        size = min(size, cut["keep"])
    shown = [event(item, showing) for item in items[begin : begin + size]]
    content: dict[str, Any] = {"@odata.context": told, "value": shown}
    if call.argument("$count").lower() == "true":
        content["@odata.count"] = len(items)
    claims_all = cut is not None and cut["claims_all"]
    if begin + size < len(items) and not claims_all:
        content["@odata.nextLink"] = link(call, {**call.arguments, "$skip": str(begin + size)})
    return Answer(content=content)


def link(call: Call, arguments: Mapping[str, str]) -> str:
    """Write an address of the same list with other arguments."""
    names = {"startdatetime": "startDateTime", "enddatetime": "endDateTime"}
    query = "&".join(
        f"{names.get(name, name)}={quote(value, safe='')}" for name, value in arguments.items()
    )
    return f"{call.address}?{query}"
