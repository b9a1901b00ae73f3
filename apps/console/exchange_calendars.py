"""The calendars of a connection, counted by how they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.sync.models import CalendarLink, CalendarLinkQuerySet

if TYPE_CHECKING:
    from apps.exchange.models import ExchangeConnection
    from apps.resources.models import Resource

# Of each state so many resources are named; the list of resources has them all.
MOST_NAMED = 50
TONES = {
    CalendarLink.State.IN_SYNC: "success",
    CalendarLink.State.CONNECTING: "info",
    CalendarLink.State.WAITING: "warning",
    CalendarLink.State.NEEDS_ATTENTION: "danger",
}


@dataclass(frozen=True, slots=True)
class InState:
    """The calendars that are in one state, with the first of their resources."""

    label: str
    tone: str
    count: int
    resources: tuple[Resource, ...]

    @property
    def more(self) -> int:
        return self.count - len(self.resources)


def calendars_by_state(connection: ExchangeConnection) -> list[InState]:
    """In the order of the states; those that no calendar is in are left out."""
    found = []
    for state in CalendarLink.State:
        rows = _calendars(connection).filter(state=state)
        if count := rows.count():
            named = rows.select_related("resource__location").order_by("resource__name", "pk")
            resources = tuple(row.resource for row in named[:MOST_NAMED])
            found.append(InState(str(state.label), TONES.get(state, "default"), count, resources))
    return found


def shown_calendars(connection: ExchangeConnection) -> int:
    return _calendars(connection).count()


def _calendars(connection: ExchangeConnection) -> CalendarLinkQuerySet:
    return CalendarLink.objects.connected().filter(connection=connection)
