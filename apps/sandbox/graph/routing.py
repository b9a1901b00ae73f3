"""Which function answers which request: a table of methods and templates, and how a path is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from apps.sandbox.graph import (
    batch,
    calendars,
    delta,
    events,
    lists,
    people,
    places,
    schedule,
    subscribing,
)
from apps.sandbox.graph.errors import GraphError, bad

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.sandbox.graph.call import Answer, Call

    Operation = Callable[[Call], Answer]

VERSION = "v1.0"
# Below /me or /users/{user}; events and views may be named by calendar or calendars/{calendar} too.
OF_MAILBOX: dict[tuple[str, str], Operation] = {
    ("GET", "calendar"): calendars.get_calendar,
    ("GET", "calendars"): calendars.list_calendars,
    ("GET", "events"): events.list_events,
    ("POST", "events"): events.create,
    ("GET", "events/{event}"): events.get_event,
    ("PATCH", "events/{event}"): events.change,
    ("DELETE", "events/{event}"): events.delete,
    ("GET", "events/{event}/instances"): events.instances,
    ("GET", "events/{event}/calendar"): calendars.calendar_of_event,
    ("POST", "events/{event}/cancel"): events.cancel,
    ("POST", "events/{event}/accept"): events.accept,
    ("POST", "events/{event}/tentativelyAccept"): events.accept_tentatively,
    ("POST", "events/{event}/decline"): events.decline,
    ("GET", "calendarView"): lists.calendar_view,
    ("GET", "calendarView/delta"): delta.delta,
    ("POST", "getSchedule"): schedule.get_schedule,
    ("GET", "mailboxSettings"): people.mailbox_settings,
    ("POST", "translateExchangeIds"): people.translate_ids,
}
# Directly below the version.
OF_SERVICE: dict[tuple[str, str], Operation] = {
    ("GET", "subscriptions"): subscribing.list_all,
    ("POST", "subscriptions"): subscribing.create,
    ("GET", "subscriptions/{subscription}"): subscribing.read,
    ("PATCH", "subscriptions/{subscription}"): subscribing.renew,
    ("DELETE", "subscriptions/{subscription}"): subscribing.end,
    ("POST", "subscriptions/{subscription}/reauthorize"): subscribing.reauthorize,
    ("GET", "me"): people.me,
    ("GET", "organization"): people.organization,
    ("GET", "places/microsoft.graph.room"): places.rooms,
    ("GET", "places/microsoft.graph.roomlist"): places.room_lists,
    ("GET", "places/{place}/microsoft.graph.roomlist/rooms"): places.rooms_of_list,
    ("POST", "$batch"): batch.batch,
}
# They send requests of their own, or are made of others.
SLOW = frozenset({"$batch", "subscriptions"})


@dataclass(frozen=True, slots=True)
class Route:
    """What answers a path.

    `operation` is the name in the request log and for faults; `owner` how many segments of the path name whose things are
    meant. What is quick is answered under the store's lock; what sends requests of its own must not be.
    """

    operation: str
    answer: Operation
    names: dict[str, str] = field(default_factory=dict)
    owner: int = 0
    is_quick: bool = True


def find(method: str, path: str) -> Route:
    """Find who answers. Raises GraphError for a path or a method that there is not."""
    segments = [unquote(one) for one in path.strip("/").split("/")]
    if segments[0].lower() != VERSION:
        raise bad("Invalid version: " + segments[0])
    segments = segments[1:]
    names: dict[str, str] = {}
    owner = 0
    table = OF_SERVICE
    if len(segments) > 1 and segments[0].lower() == "me":
        table, owner, segments = OF_MAILBOX, 1, segments[1:]
    elif len(segments) > 2 and segments[0].lower() == "users":  # noqa: PLR2004 -- users, who, what
        table, owner, names["user"], segments = OF_MAILBOX, 2, segments[1], segments[2:]
    if table is OF_MAILBOX:
        segments = _without_calendar(segments, names)
    return _matching(table, method, segments, names, owner)


def _without_calendar(segments: list[str], names: dict[str, str]) -> list[str]:
    """Take the naming of a calendar off what lies in it."""
    first = segments[0].lower()
    if first == "calendar" and len(segments) > 1:
        return segments[1:]
    if first == "calendars" and len(segments) > 1:
        names["calendar"] = segments[1]
        return segments[2:] or ["calendar"]
    return segments


def _matching(
    table: dict[tuple[str, str], Operation],
    method: str,
    segments: list[str],
    names: dict[str, str],
    owner: int,
) -> Route:
    others = False
    for (known, template), answer in table.items():
        found = _fits(template.split("/"), segments)
        if found is None:
            continue
        if known == method:
            name = f"{method} {_shown(template)}"
            return Route(name, answer, names | found, owner, is_quick=template not in SLOW)
        others = True
    if others:
        raise GraphError("Request_BadRequest", "Specified HTTP method is not allowed.", status=405)
    raise bad(f"Resource not found for the segment '{segments[-1]}'.")


def _fits(template: list[str], segments: list[str]) -> dict[str, str] | None:
    """Read the names out of a path that fits a template; calls of functions may have their parentheses."""
    if len(template) != len(segments):
        return None
    names: dict[str, str] = {}
    for part, given in zip(template, segments, strict=True):
        if part.startswith("{"):
            names[part[1:-1]] = given
        elif _plain(part) != _plain(given):
            return None
    return names


def _plain(segment: str) -> str:
    return segment.removesuffix("()").lower().removeprefix("microsoft.graph.")


def _shown(template: str) -> str:
    """Name an operation: what is named by an id is shown as {id}."""
    return "/".join("{id}" if part.startswith("{") else part for part in template.split("/"))
