"""Which series the occurrences of a view belong to, and what each is called there.

A view tells UIDs and no masters, and two series may share one UID: a copy, or what was restored.
So one occurrence of each UID is asked for its master, the others count to it as long as its pattern
has them, and where that does not come out even every single one is asked.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apps.exchange.errors import ExchangeError
from apps.exchange.ews import services
from apps.exchange.ews.mapping import Unreadable, flag, ids, instant, name_of
from apps.exchange.ews.series import Moved, moved, series, zone_of
from apps.exchange.ews.xml import Element, text
from apps.exchange.recurrence import index_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from apps.exchange.ews.wire import Wire
    from apps.exchange.recurrence import Series


@dataclass(frozen=True, slots=True)
class Master:
    """A series as its master tells it; without `series` only the server can expand it."""

    element: Element = field(compare=False)
    item_id: str
    change_key: str
    is_all_day: bool
    zone: dt.tzinfo | None
    moved: tuple[Moved, ...]
    series: Series | None

    def name(self, occurrence: Element) -> str:
        """What an occurrence is called in this series: its original start.

        Raises:
            Unreadable: it has no time that can be told.
        """
        wire_id, _key = ids(occurrence)
        starts_at = instant(occurrence, "t:Start")
        for one in self.moved:
            if one.wire_id == wire_id or (not one.wire_id and one.starts_at == starts_at):
                return one.name
        if text(occurrence, "t:OriginalStart"):
            starts_at = instant(occurrence, "t:OriginalStart")
        return name_of(starts_at, self.zone, is_all_day=self.is_all_day)

    def has(self, name: str) -> bool:
        """Whether the pattern, as far as we understand it, has an occurrence of this name."""
        if self.series is None:
            return True
        return name in self.series.moved or index_of(self.series, name) > 0


def master_of(element: Element) -> Master:
    """From a RecurringMaster that was read with everything that a series needs."""
    item_id, change_key = ids(element)
    expandable: Series | None
    try:
        expandable = series(element)
    except Unreadable:
        expandable = None
    return Master(
        element=element,
        item_id=item_id,
        change_key=change_key,
        is_all_day=flag(element, "t:IsAllDayEvent"),
        zone=zone_of(element),
        moved=moved(element),
        series=expandable,
    )


Answer = Master | ExchangeError


class Masters:
    """The series of one calendar as far as they were asked for: good for one run."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        # Occurrence id -> its master, where the server was asked for this very one.
        self._asked: dict[str, Answer] = {}
        self._by_uid: dict[str, dict[str, Master]] = defaultdict(dict)

    def forget(self) -> None:
        """After a write, and when a series has changed: what was true of it is no more."""
        self._asked.clear()
        self._by_uid.clear()

    def of(self, occurrences: Sequence[Element]) -> dict[str, Answer]:
        """Of each occurrence id its master, or why it cannot be told."""
        by_uid: dict[str, list[Element]] = defaultdict(list)
        for one in occurrences:
            by_uid[text(one, "t:UID")].append(one)
        nameless = by_uid.pop("", [])
        self._ask([*nameless, *(group[0] for uid, group in by_uid.items() if self._asks(uid))])
        crowded = [
            one for uid, group in by_uid.items() if not self._fits(uid, group) for one in group
        ]
        self._ask(crowded)
        found: dict[str, Answer] = {}
        for uid, group in [("", nameless), *by_uid.items()]:
            for one in group:
                item_id = ids(one)[0]
                found[item_id] = self._asked.get(item_id) or self._only(uid)
        return found

    def _asks(self, uid: str) -> bool:
        return not self._by_uid[uid]

    def _fits(self, uid: str, group: Iterable[Element]) -> bool:
        """Whether all of these can be occurrences of the only series known with this UID."""
        if len(self._by_uid[uid]) != 1:
            return False
        master = next(iter(self._by_uid[uid].values()))
        try:
            names = [master.name(one) for one in group]
        except Unreadable:
            return False
        return len(set(names)) == len(names) and all(master.has(name) for name in names)

    def _only(self, uid: str) -> Master:
        return next(iter(self._by_uid[uid].values()))

    def _ask(self, occurrences: Sequence[Element]) -> None:
        unknown = [one for one in occurrences if ids(one)[0] not in self._asked]
        if not unknown:
            return
        answers = services.get_items(
            self._wire, [services.master_id(ids(one)[0]) for one in unknown], services.EXPANDED
        )
        for one, answer in zip(unknown, answers, strict=True):
            found: Any = answer if isinstance(answer, ExchangeError) else master_of(answer)
            self._asked[ids(one)[0]] = found
            if isinstance(found, Master):
                self._by_uid[text(one, "t:UID")][found.item_id] = found
