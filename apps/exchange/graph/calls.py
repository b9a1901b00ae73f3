"""The requests about one mailbox's events, each by the page that describes it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from apps.exchange.graph import links, mapping, series
from apps.exchange.graph.client import Call, prefer

if TYPE_CHECKING:
    from apps.exchange.calendar import Window

# Rows of one answer: the largest that Outlook gives is a thousand.
PAGE = 500
# An all-day event may count by its dates or by its instants, which are less than a day apart.
AROUND = dt.timedelta(hours=14)
EVERYTHING = f"{mapping.STAMPED},exceptionOccurrences"


class Calls:
    """One mailbox's, by its address."""

    def __init__(self, email: str, *, page_size: int = PAGE) -> None:
        self._email = email
        self._page_size = page_size

    def view(self, window: Window, *, fields: str = mapping.FIELDS) -> Call:
        """https://learn.microsoft.com/graph/api/calendar-list-calendarview"""
        url = links.with_query(
            self._path("calendarView"),
            startDateTime=_written(window.starts_at, -AROUND),
            endDateTime=_written(window.ends_at, AROUND),
            _select=fields,
            **({"_expand": mapping.STAMPED} if fields == mapping.FIELDS else {}),
            _top=str(self._page_size),
        )
        return Call("GET calendarView", url)

    def event(self, event_id: str, *, of_series: bool = False) -> Call:
        """https://learn.microsoft.com/graph/api/event-get"""
        url = links.with_query(
            self._path("events", event_id),
            _select=f"{mapping.FIELDS},{series.FIELDS}" if of_series else mapping.FIELDS,
            _expand=EVERYTHING if of_series else mapping.STAMPED,
        )
        return Call("GET events/{id}", url)

    def instances(self, master_id: str, window: Window) -> Call:
        """https://learn.microsoft.com/graph/api/event-list-instances"""
        url = links.with_query(
            self._path("events", master_id, "instances"),
            startDateTime=_written(window.starts_at, -AROUND),
            endDateTime=_written(window.ends_at, AROUND),
            _select=mapping.FIELDS,
            _expand=mapping.STAMPED,
            _top=str(PAGE),
        )
        return Call("GET events/{id}/instances", url)

    def search(self, condition: str) -> Call:
        """https://learn.microsoft.com/graph/api/calendar-list-events"""
        url = links.with_query(
            self._path("calendar", "events"),
            _filter=condition, _select="id,type,seriesMasterId", _top="50",
        )  # fmt: skip
        return Call("GET events", url)

    def delta(self, window: Window, page_size: int) -> Call:
        """https://learn.microsoft.com/graph/api/event-delta"""
        url = links.with_query(
            self._path("calendarView", "delta"),
            startDateTime=_written(window.starts_at),
            endDateTime=_written(window.ends_at),
        )
        return Call("GET calendarView/delta", url, headers=paged(page_size))

    def follow(self, link: str, page_size: int) -> Call:
        """The next page of a delta, or the first of its next round."""
        return Call("GET calendarView/delta", link, headers=paged(page_size))

    def calendar(self) -> Call:
        """https://learn.microsoft.com/graph/api/calendar-get"""
        fields = "id,name,canEdit,owner"
        return Call("GET calendar", links.with_query(self._path("calendar"), _select=fields))

    def calendar_of(self, event_id: str) -> Call:
        """https://learn.microsoft.com/graph/api/resources/event, its relationship `calendar`"""
        url = links.with_query(self._path("events", event_id, "calendar"), _select="id")
        return Call("GET events/{id}/calendar", url)

    def settings(self) -> Call:
        """https://learn.microsoft.com/graph/api/user-get-mailboxsettings"""
        url = links.with_query(self._path("mailboxSettings"), _select="userPurpose,timeZone")
        return Call("GET mailboxSettings", url)

    def create(self, body: dict[str, Any]) -> Call:
        """https://learn.microsoft.com/graph/api/user-post-events"""
        return Call("POST events", self._path("calendar", "events"), body, is_write=True)

    def update(self, event_id: str, body: dict[str, Any], change_key: str) -> Call:
        """https://learn.microsoft.com/graph/api/event-update"""
        return Call(
            "PATCH events/{id}", self._path("events", event_id), body, _if_match(change_key),
            is_write=True,
        )  # fmt: skip

    def delete(self, event_id: str, change_key: str) -> Call:
        """https://learn.microsoft.com/graph/api/event-delete"""
        return Call(
            "DELETE events/{id}", self._path("events", event_id), None, _if_match(change_key),
            is_write=True,
        )  # fmt: skip

    def decline(self, event_id: str) -> Call:
        """https://learn.microsoft.com/graph/api/event-decline, which knows no If-Match."""
        return Call(
            "POST events/{id}/decline", self._path("events", event_id, "decline"),
            {"sendResponse": True}, is_write=True,
        )  # fmt: skip

    def _path(self, *parts: str) -> str:
        return links.path("users", self._email, *parts)


def paged(size: int) -> dict[str, str]:
    return prefer(f"odata.maxpagesize={size}")


def _if_match(change_key: str) -> dict[str, str]:
    return {"If-Match": f'W/"{change_key}"'}


def _written(at: dt.datetime, more: dt.timedelta = dt.timedelta()) -> str:
    """With a Z: without an offset it would be UTC as well, but says so nowhere."""
    try:
        moved = at + more
    except OverflowError:
        # The first or the last moment of all calendars.
        moved = at
    return f"{moved.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"
