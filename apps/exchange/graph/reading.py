"""From rows and ids to what the port tells: singles as they are, series whole."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apps.exchange.calendar import CalendarEvent, EventKey, Item, Window
from apps.exchange.errors import ExchangeError, NotFound, Rejected
from apps.exchange.graph import batch, links, mapping
from apps.exchange.graph.client import Call, Client, prefer
from apps.exchange.graph.mapping import Kind, Row, Unreadable, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# Rows of one answer: the largest that Outlook gives is a thousand.
PAGE = 500
# An all-day event may count by its dates or by its instants, which are less than a day apart.
AROUND = dt.timedelta(hours=14)
EVERYTHING = f"{mapping.STAMPED},exceptionOccurrences"


@dataclass(frozen=True, slots=True)
class Sorted:
    """Rows of a list by what they are."""

    events: list[CalendarEvent]
    problems: dict[str, str]
    # Masters, which a list of occurrences should not show.
    masters: list[str]


class Reader:
    """One mailbox, in one run: what it learns of series is good for that long."""

    def __init__(self, client: Client, *, page_size: int = PAGE) -> None:
        self._client = client
        self._page_size = page_size
        # Whether a series is of days: its master alone tells.
        self._of_days: dict[str, bool] = {}

    def forget(self) -> None:
        """After a write, and when something has changed: series may be other ones now."""
        self._of_days.clear()

    def view_call(self, window: Window, *, fields: str = mapping.FIELDS) -> Call:
        """https://learn.microsoft.com/graph/api/calendar-list-calendarview"""
        url = links.with_query(
            self._path("calendarView"),
            startDateTime=_written(window.starts_at - AROUND),
            endDateTime=_written(window.ends_at + AROUND),
            _select=fields,
            **({"_expand": mapping.STAMPED} if fields == mapping.FIELDS else {}),
            _top=str(self._page_size),
        )
        return Call("GET calendarView", url)

    def event_call(self, event_id: str, *, of_series: bool = False) -> Call:
        """https://learn.microsoft.com/graph/api/event-get"""
        url = links.with_query(
            self._path("events", event_id),
            _select=f"{mapping.FIELDS},exceptionOccurrences" if of_series else mapping.FIELDS,
            _expand=EVERYTHING if of_series else mapping.STAMPED,
        )
        return Call("GET events/{id}", url)

    def instances_call(self, master_id: str, window: Window) -> Call:
        """https://learn.microsoft.com/graph/api/event-list-instances"""
        url = links.with_query(
            self._path("events", master_id, "instances"),
            startDateTime=_written(window.starts_at - AROUND),
            endDateTime=_written(window.ends_at + AROUND),
            _select=mapping.FIELDS,
            _expand=mapping.STAMPED,
            _top=str(PAGE),
        )
        return Call("GET events/{id}/instances", url)

    def sort(self, rows: Sequence[Row]) -> Sorted:
        """Rows of a view by what they are; one without an id is passed over."""
        found = Sorted([], {}, [])
        doubtful = {text(row, "seriesMasterId") for row in rows if _asks_for_master(row)}
        self._learn([one for one in doubtful if one and one not in self._of_days])
        for row in rows:
            item_id = mapping.item_id(row)
            if not item_id:
                # It cannot even be named: what it hides is looked for by its id.
                continue
            if mapping.kind(row) is Kind.MASTER:
                found.masters.append(item_id)
                continue
            try:
                found.events.append(self._event(row))
            except Unreadable as error:
                found.problems[item_id] = str(error)
        return found

    def _event(self, row: Row) -> CalendarEvent:
        if mapping.kind(row) is Kind.SINGLE:
            return mapping.event(row)
        of_days = self._of_days.get(text(row, "seriesMasterId")) if _asks_for_master(row) else None
        return mapping.event(row, mapping.occurrence_key(row, of_days=of_days))

    def _learn(self, masters: Sequence[str]) -> None:
        """Ask the masters of exceptions that may be of days or of hours."""
        if not masters:
            return
        answers = batch.ask(self._client, [self.event_call(one) for one in masters])
        for master_id, answer in zip(masters, answers, strict=True):
            if not isinstance(answer, ExchangeError):
                self._of_days[master_id] = answer.get("isAllDay") is True

    def read(
        self, wanted: Mapping[str, bool], window: Window
    ) -> tuple[list[Item], tuple[str, ...]]:
        """Items by their ids, and whether each is known for a series; and which are not there.

        Raises:
            ExchangeError: any of them could not be asked for just now.
        """
        if not wanted:
            return [], ()
        calls: list[Call] = []
        for item_id, is_series in wanted.items():
            calls.append(self.event_call(item_id, of_series=is_series))
            if is_series:
                calls.append(self.instances_call(item_id, window))
        answers = iter(batch.ask(self._client, calls))
        items: list[Item] = []
        lost: list[str] = []
        masters: list[str] = []
        for item_id, is_series in wanted.items():
            row = next(answers)
            instances = next(answers) if is_series else {}
            found = self._judged(item_id, row, instances if is_series else None, window)
            if found is None:
                lost.append(item_id)
            elif isinstance(found, Item):
                items.append(found)
            else:
                masters.append(item_id)
        if masters:
            # They became series since they were told, or were asked for by their ids alone.
            more, gone = self.read(dict.fromkeys(masters, True), window)
            items += more
            lost += gone
        return items, tuple(lost)

    def _judged(
        self,
        item_id: str,
        row: Row | ExchangeError,
        instances: Row | ExchangeError | None,
        window: Window,
    ) -> Item | Kind | None:
        """The item; None: it is not there; Kind.MASTER: it has to be read as a series."""
        if isinstance(row, ExchangeError):
            return _told(item_id, row)
        if isinstance(instances, ExchangeError) and mapping.kind(row) is Kind.MASTER:
            return _told(item_id, instances)
        if mapping.kind(row) is Kind.SINGLE:
            return single(row, item_id)
        if mapping.kind(row) is not Kind.MASTER:
            # An occurrence's own id names no item.
            return None
        if instances is None or isinstance(instances, ExchangeError):
            return Kind.MASTER
        return self._series(item_id, row, instances, window)

    def _series(self, master_id: str, master: Row, instances: Row, window: Window) -> Item:
        """What a window sees of a series, and its exceptions wherever they lie."""
        of_days = master.get("isAllDay") is True
        self._of_days[master_id] = of_days
        outside = master.get("exceptionOccurrences")
        rows: list[Row] = []
        if isinstance(outside, list):
            rows.extend(row for row in outside if isinstance(row, dict))
        rows += self._instances(master_id, instances, window)
        stamp, attempt = mapping.stamp_of(master), mapping.attempt_id(master)
        found: dict[EventKey, CalendarEvent] = {}
        try:
            for row in rows:
                key = replace(mapping.occurrence_key(row, of_days=of_days), item_id=master_id)
                event = mapping.event(row, key)
                is_seen = window.overlaps(event.starts_at, event.ends_at)
                if is_seen or mapping.kind(row) is Kind.EXCEPTION:
                    found[key] = replace(
                        event,
                        uid=text(master, "iCalUId"),
                        stamp=event.stamp or stamp,
                        attempt_id=attempt,
                    )
        except Unreadable as error:
            return Item(master_id, is_series=True, problem=str(error))
        return Item(master_id, tuple(found.values()), is_series=True)

    def _instances(self, master_id: str, page: Row, window: Window) -> list[Row]:
        """All pages of the instances, of which the first is here."""
        call = self.instances_call(master_id, window)
        rows = list(self._client.rows_of(page, call))
        link = text(page, "@odata.nextLink")
        if link:
            following = Call(call.operation, self._client.relative(link, call))
            rows += self._client.rows(following)
        return rows

    def is_shown(self, item: Item) -> bool:
        """Whether the calendar shows an item where it says it lies.

        An id that stays the same wherever an event is moved to finds it in other calendars too,
        and perhaps among the Deleted Items. A series without an occurrence is trusted.
        """
        if not item.events:
            return True
        at = item.events[0]
        call = self.view_call(Window(at.starts_at, at.ends_at), fields="id,type,seriesMasterId")
        return any(mapping.item_id(row) == item.item_id for row in self._client.rows(call))

    def found(self, calls: Iterable[Call]) -> Iterator[tuple[str, bool]]:
        """The items that searches name, and whether each is a series."""
        for call in calls:
            for row in self._client.rows(call):
                if mapping.item_id(row):
                    yield mapping.item_id(row), mapping.kind(row) is not Kind.SINGLE

    def search_call(self, condition: str) -> Call:
        """https://learn.microsoft.com/graph/api/calendar-list-events"""
        url = links.with_query(
            self._path("calendar", "events"),
            _filter=condition, _select="id,type,seriesMasterId", _top="50",
        )  # fmt: skip
        return Call("GET events", url)

    def delta_call(self, window: Window, page_size: int) -> Call:
        """https://learn.microsoft.com/graph/api/event-delta"""
        url = links.with_query(
            self._path("calendarView", "delta"),
            startDateTime=_written(window.starts_at),
            endDateTime=_written(window.ends_at),
        )
        return Call("GET calendarView/delta", url, headers=paged(page_size))

    def _path(self, *parts: str) -> str:
        return links.path("users", self._client.email, *parts)


def paged(size: int) -> dict[str, str]:
    return prefer(f"odata.maxpagesize={size}")


def _told(item_id: str, error: ExchangeError) -> Item | None:
    """What an error says of one item: it is not there, or cannot be read.

    Raises:
        ExchangeError: it says something else.
    """
    if isinstance(error, NotFound):
        return None
    if isinstance(error, Rejected):
        return Item(item_id, problem=error.cause)
    raise error


def single(row: Row, item_id: str) -> Item:
    """A single as an item; one that cannot be told has its problem."""
    try:
        found = mapping.event(row)
    except Unreadable as error:
        return Item(item_id, problem=str(error))
    return Item(found.key.item_id, (found,))


def _asks_for_master(row: Row) -> bool:
    try:
        return mapping.is_doubtful(row)
    except Unreadable:
        return False


def _written(at: dt.datetime) -> str:
    """With a Z: without an offset it would be UTC as well, but says so nowhere."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
