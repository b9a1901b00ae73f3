"""From lists and ids to what the port tells: singles as they are, series expanded."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.exchange.calendar import CalendarEvent, Item, Window
from apps.exchange.errors import ExchangeError, NotFound, Transient
from apps.exchange.ews import directory, expansion, services
from apps.exchange.ews.codes import TooMuch
from apps.exchange.ews.mapping import Kind, Unreadable, event, ids, kind
from apps.exchange.ews.masters import Master, Masters, master_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apps.exchange.ews.wire import Wire
    from apps.exchange.ews.xml import Element

# A calendar with more than a thousand events in a minute cannot be read over EWS.
SMALLEST_VIEW = dt.timedelta(minutes=1)
# Exchange refuses a view of more than two years.
LARGEST_VIEW = dt.timedelta(days=700)


@dataclass(slots=True)
class Sorted:
    """Rows of a list by what has to be done with them."""

    events: list[CalendarEvent]
    problems: dict[str, str]
    occurrences: list[Element]
    # Masters: to be read with everything that a series needs.
    to_expand: list[str]


class Reader:
    """One mailbox, in one run: what it learns of series and folders is good for that long."""

    def __init__(self, wire: Wire, *, page_size: int) -> None:
        self._wire = wire
        self._page_size = page_size
        self._masters = Masters(wire)
        # Ids of the calendar's folder, as its own items name it.
        self._folders: set[str] = set()

    def forget(self) -> None:
        """After a write, and when something has changed: series may be other ones now."""
        self._masters.forget()

    def rows(self, window: Window) -> tuple[Sequence[Element], dt.datetime]:
        """What a part of a window shows, whole, and where that part ends."""
        ends_at = min(window.ends_at, window.starts_at + LARGEST_VIEW)
        while True:
            part = Window(window.starts_at, ends_at)
            rows = self._whole(part)
            if rows is not None:
                return rows, ends_at
            half = (ends_at - window.starts_at) / 2
            if half < SMALLEST_VIEW:
                raise Transient(_("The server does not show all of the calendar."))
            ends_at = (window.starts_at + half).replace(microsecond=0)

    def _whole(self, window: Window) -> Sequence[Element] | None:
        """What a window shows; None where the server shows a part of it."""
        try:
            page = services.find_in_view(self._wire, window, limit=self._page_size)
        except TooMuch:
            return None
        self._learn_folder(page.items)
        return page.items if page.is_whole else None

    def sort(self, rows: Iterable[Element]) -> Sorted:
        """Rows of a list by what they are; one without an id is passed over."""
        found = Sorted([], {}, [], [])
        for row in rows:
            item_id = ids(row)[0]
            match kind(row):
                case _ if not item_id:
                    # It cannot even be named: what it hides is looked for by its id.
                    continue
                case Kind.SINGLE:
                    try:
                        found.events.append(event(row))
                    except Unreadable as error:
                        found.problems[item_id] = str(error)
                case Kind.OCCURRENCE | Kind.EXCEPTION:
                    found.occurrences.append(row)
                case Kind.MASTER:
                    found.to_expand.append(item_id)
        found.events = self._completed(found.events)
        return found

    def _completed(self, events: list[CalendarEvent]) -> list[CalendarEvent]:
        """Where a stamp came without the UID that proves it: ask for the whole item."""
        doubtful = [one.key.item_id for one in events if one.stamp and not one.uid]
        answers = services.get_items(self._wire, [services.item_id(one) for one in doubtful])
        whole: dict[str, CalendarEvent] = {}
        for answer in answers:
            item = None if isinstance(answer, ExchangeError) else single(answer, "")
            if item is not None and item.events:
                whole[item.item_id] = item.events[0]
        return [whole.get(one.key.item_id, one) for one in events]

    def with_masters(
        self, occurrences: Sequence[Element], problems: dict[str, str]
    ) -> list[tuple[Master, Element]]:
        """Occurrences with their masters; those that vanished meanwhile are left out."""
        found = []
        masters = self._masters.of(occurrences) if occurrences else {}
        for row in occurrences:
            item_id = ids(row)[0]
            master = masters[item_id]
            if isinstance(master, Master):
                found.append((master, row))
            elif not isinstance(master, NotFound):
                problems[item_id] = master.cause
        return found

    def read(self, item_ids: Sequence[str], window: Window) -> tuple[list[Item], tuple[str, ...]]:
        """Masters by their ids, expanded; and which of them are no longer there."""
        answers = services.get_items(
            self._wire, [services.item_id(item_id) for item_id in item_ids], services.EXPANDED
        )
        items: list[Item] = []
        masters: list[Master] = []
        occurrences: list[Element] = []
        lost: list[str] = []
        for item_id, answer in zip(item_ids, answers, strict=True):
            if isinstance(answer, NotFound):
                lost.append(item_id)
            elif isinstance(answer, ExchangeError):
                items.append(Item(item_id, problem=answer.cause))
            elif kind(answer) is Kind.MASTER:
                masters.append(master_of(answer))
            elif kind(answer) in (Kind.OCCURRENCE, Kind.EXCEPTION):
                occurrences.append(answer)
            else:
                items.append(single(answer, item_id))
        problems: dict[str, str] = {}
        masters += [master for master, _row in self.with_masters(occurrences, problems)]
        items += [Item(item_id, problem=words) for item_id, words in problems.items()]
        once = {master.item_id: master for master in masters}
        return items + self.expand(list(once.values()), window), tuple(lost)

    def expand(self, masters: Sequence[Master], window: Window) -> list[Item]:
        """Series as a window sees them."""
        known: list[tuple[Master, Element]] = []

        def expanded_by_server() -> Sequence[tuple[Master, Element]]:
            if not known:
                starts_at = window.starts_at
                while starts_at < window.ends_at:
                    rows, starts_at = self.rows(Window(starts_at, window.ends_at))
                    known.extend(self.with_masters(self.sort(rows).occurrences, {}))
            return known

        return expansion.expand(
            masters, window, wire=self._wire, expanded_by_server=expanded_by_server
        )

    def _learn_folder(self, rows: Iterable[Element]) -> None:
        for row in rows:
            folder_id, _key = ids(row, "t:ParentFolderId")
            if folder_id:
                self._folders.add(folder_id)
                return

    def is_elsewhere(self, item: Element) -> bool:
        """Whether an item lies in another folder; where it does not say, it does not."""
        folder_id, _key = ids(item, "t:ParentFolderId")
        if not folder_id or folder_id in self._folders:
            return False
        if directory.is_calendar(self._wire, folder_id):
            self._folders.add(folder_id)
            return False
        return True


def single(answer: Element, item_id: str) -> Item:
    """A single as an item; one that cannot be told has its problem."""
    try:
        found = event(answer)
    except Unreadable as error:
        return Item(item_id, problem=str(error))
    return Item(found.key.item_id, (found,))
