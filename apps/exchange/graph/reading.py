"""From rows and ids to what the port tells: singles as they are, series whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apps.exchange.calendar import CalendarEvent, EventKey, Item, ViewPage, Window, pages
from apps.exchange.errors import ExchangeError, Rejected
from apps.exchange.graph import batch, codes, links, mapping, series
from apps.exchange.graph.client import Call, Client
from apps.exchange.graph.codes import ItemNotFound, Unsearchable
from apps.exchange.graph.mapping import Kind, Row, Unreadable, text
from apps.exchange.graph.whereabouts import beside_the_item, hidden

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from apps.exchange.graph.calls import Calls


@dataclass(frozen=True, slots=True)
class Sorted:
    """Rows of a list by what they are."""

    events: list[CalendarEvent]
    problems: dict[str, str]
    # Masters, which a list of occurrences should not show.
    masters: list[str]


class Reader:
    """One mailbox, in one run: what it learns of series is good for that long."""

    def __init__(self, client: Client, calls: Calls) -> None:
        self._client = client
        self._calls = calls
        # Whether a series is of days: its master alone tells.
        self._of_days: dict[str, bool] = {}
        # The links that led through the view that is read, page by page.
        self._trail = links.Trail()

    def forget(self) -> None:
        """After a write, and when something has changed: series may be other ones now."""
        self._of_days.clear()

    def view(self, window: Window, after: str = "") -> ViewPage:
        """A page of what a window shows."""
        call = self._calls.view(window)
        if after:
            call = Call(call.operation, self._client.relative(after, call))
        page = self._client.ask(call)
        found = self.sort(self._client.rows_of(page, call))
        events, problems = found.events, found.problems
        if found.masters:
            for item in self.read(dict.fromkeys(found.masters, True), window)[0]:
                events += item.events
                if item.problem:
                    problems[item.item_id] = item.problem
        shown = [one for one in events if window.overlaps(one.starts_at, one.ends_at)]
        link = text(page, "@odata.nextLink")
        if link:
            self._client.relative(link, call)
            if self._trail.is_a_circle(after, link):
                raise codes.damaged(self._client.where(call))
        return ViewPage(
            tuple(sorted(shown, key=lambda one: (one.starts_at, one.key))),
            tuple(problems.items()),
            link,
        )

    def find(self, window: Window, *, stamp: str = "", uid: str = "") -> tuple[Item, ...]:
        """By our property, https://learn.microsoft.com/graph/api/singlevaluelegacyextendedproperty-get,

        or by the UID; where the server does not search, among what lies in the window.
        """
        conditions = []
        if stamp:
            conditions.append(
                f"singleValueExtendedProperties/Any(ep: ep/id eq '{mapping.STAMP}' "
                f"and ep/value eq '{_quoted(stamp)}')"
            )
        if uid:
            conditions.append(f"iCalUId eq '{_quoted(uid)}'")
        try:
            found = dict(self._found(map(self._calls.search, conditions)))
        except Unsearchable:
            found = {
                one.key.item_id: one.is_occurrence
                for one in self._window(window)
                if {stamp, uid} & {one.stamp, one.uid} - {""}
            }
        items, _lost = self.read(found, window)
        return tuple(items)

    def _window(self, window: Window) -> Iterator[CalendarEvent]:
        for page in pages(self.view, window):
            yield from page.events

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
        answers = batch.ask(self._client, [self._calls.event(one) for one in masters])
        for master_id, answer in zip(masters, answers, strict=True):
            if not isinstance(answer, ExchangeError):
                self._of_days[master_id] = answer.get("isAllDay") is True
            elif not isinstance(answer, ItemNotFound | Rejected):
                # A guess would give an occurrence a second name.
                raise answer

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
            calls.append(self._calls.event(item_id, of_series=is_series))
            if is_series:
                calls.append(self._calls.instances(item_id, window))
        items: list[Item] = []
        lost: list[str] = []
        masters: list[str] = []
        with beside_the_item():
            answers = iter(batch.ask(self._client, calls))
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
        seen = self._instances(master_id, instances, window)
        if not seen and series.must_show(master, rows, window):
            return Item(master_id, is_series=True, problem=hidden())
        rows += seen
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
        call = self._calls.instances(master_id, window)
        rows = list(self._client.rows_of(page, call))
        link = text(page, "@odata.nextLink")
        if link:
            following = Call(call.operation, self._client.relative(link, call))
            rows += self._client.rows(following)
        return rows

    def _found(self, calls: Iterable[Call]) -> Iterator[tuple[str, bool]]:
        """The items that searches name, and whether each is a series."""
        for call in calls:
            for row in self._client.rows(call):
                if mapping.item_id(row):
                    yield mapping.item_id(row), mapping.kind(row) is not Kind.SINGLE


def _told(item_id: str, error: ExchangeError) -> Item | None:
    """What an error says of one item: it is not there, or cannot be read.

    Raises:
        ExchangeError: it says something else.
    """
    if isinstance(error, ItemNotFound):
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


def _quoted(value: str) -> str:
    """Within the quotes of OData."""
    return value.replace("'", "''")
