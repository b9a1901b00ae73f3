"""calendarView/delta: what changed in a window. Source: learn.microsoft.com/graph/api/event-delta, /graph/delta-query-events.

What changes outside the window is told as removed, whether it ever was inside or not. A round of several pages is as
unpleasant as Microsoft lets it be: its second page is empty, and each later one begins with the last row of the one before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from apps.sandbox.graph import ids, lists, times, tokens
from apps.sandbox.graph.call import Answer, Call
from apps.sandbox.graph.errors import GraphError, bad
from apps.sandbox.graph.showing import Showing, event, thin
from apps.sandbox.graph.tokens import Token
from apps.sandbox.store import ids as store_ids
from apps.sandbox.store import series

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.sandbox.store import Folder, Item
    from apps.sandbox.store.model import Slot

PAGE, LONGEST_PAGE, EMPTY_PAGE = 10, 1000, 1
REFUSED = ("$select", "$expand", "$filter", "$orderby", "$search", "$top", "$skip", "$count")


@dataclass(frozen=True, slots=True)
class Removed:
    """A row that says what is gone: by the id of EWS, and by the one that the item got first."""

    ews_id: str
    first_id: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """The rows of one item, at its place in a round."""

    order: int
    rows: tuple[Item | Removed, ...]


def delta(call: Call) -> Answer:
    """Answer GET calendarView/delta."""
    folder = call.readable()
    token = _token(call, folder)
    quiet = call.hits.first("empty-page") is not None
    if quiet or (token.pages == EMPTY_PAGE and token.at is not None):
        after = token if quiet else replace(token, pages=token.pages + 1)
        return _answer(call, [], after, "$skiptoken")
    cut = call.hits.first("truncate")
    size = token.size if cut is None else cut["keep"]
    rows, at, is_last = _page(_entries(folder, token), token, size)
    if cut is not None and cut["claims_all"]:
        is_last = True
    if not is_last:
        return _answer(call, rows, replace(token, at=at, pages=token.pages + 1), "$skiptoken")
    seen = token.seen if token.is_first else folder.seq
    done = replace(token, seen=seen, is_first=False, at=None, pages=0)
    return _answer(call, rows, done, "$deltatoken")


def _token(call: Call, folder: Folder) -> Token:
    """Read the token of a request, or begin a round. Raises GraphError, of a lost one SyncStateNotFound."""
    given = call.argument("$deltatoken") or call.argument("$skiptoken")
    if refused := [name for name in REFUSED if call.argument(name)]:
        text = (
            "The following parameters are not supported with change tracking over the 'CalendarView' resource:"
            f" '{', '.join(refused)}'."
        )
        raise bad(text, "ErrorInvalidUrlQuery")
    wanted = call.preferences.page_size
    lost = call.hits.first("bad-sync-state")
    if not given:
        start, end = lists.window(call)
        if lost is not None:
            raise GraphError("SyncStateNotFound")
        return Token(
            folder=folder.id,
            epoch=folder.epoch,
            start=start,
            end=end,
            size=min(wanted or PAGE, LONGEST_PAGE),
            seen=folder.seq,
            is_first=True,
        )
    token = tokens.read(given)
    is_known = (token.folder, token.epoch) == (folder.id, folder.epoch) and token.seen <= folder.seq
    if lost is not None or not is_known:
        raise _lost(call, token, bare=bool(lost and lost["bare"]))
    return replace(token, size=min(wanted, LONGEST_PAGE)) if wanted else token


def _lost(call: Call, token: Token, *, bare: bool) -> GraphError:
    """410; unless it is bare, it says where to begin anew."""
    window = {
        "startDateTime": times.instant(token.start),
        "endDateTime": times.instant(token.end),
    }
    headers = {} if bare else {"Location": lists.link(call, window)}
    return GraphError("SyncStateNotFound", headers=headers)


def _page(
    entries: Iterator[Entry], token: Token, size: int
) -> tuple[list[Item | Removed], tuple[int, int] | None, bool]:
    """Take a page of rows; answer where it ended, and whether that was all."""
    rows: list[Item | Removed] = []
    at = token.at
    for entry in entries:
        given = at[1] if at is not None and entry.order == at[0] else 0
        if at is token.at and given and size > 1:
            given -= 1  # the last row comes once more
        for number, row in enumerate(entry.rows[given:], given + 1):
            if len(rows) == size:
                return rows, at, False
            rows.append(row)
            at = (entry.order, number)
    return rows, at, True


def _entries(folder: Folder, token: Token) -> Iterator[Entry]:
    """List what a round still has to give, in its order."""
    found = _first_round(folder, token) if token.is_first else _since(folder, token)
    return (entry for entry in found if entry.rows)


def _first_round(folder: Folder, token: Token) -> Iterator[Entry]:
    """What there was when the round began, the newest first."""
    below = token.at[0] if token.at else token.seen
    slots = [slot for slot in folder.slots.values() if slot.created_seq <= below]
    for slot in sorted(slots, key=lambda slot: -slot.created_seq):
        yield Entry(slot.created_seq, _whole(slot, token))


def _since(folder: Folder, token: Token) -> Iterator[Entry]:
    """What changed since the round's number, in the order in which it last did."""
    if folder.seq == token.seen:
        return
    above = token.at[0] if token.at else token.seen
    found = [
        Entry(slot.changed_seq, _changed(slot, token))
        for slot in folder.slots.values()
        if slot.changed_seq > token.seen and slot.changed_seq >= above
    ]
    for item_id, (created, left) in folder.gone.items():
        if left > token.seen >= created and left >= above:
            first_id = folder.first_ids.get(item_id, item_id)
            found.append(Entry(left, (Removed(item_id, first_id),)))
    yield from sorted(found, key=lambda one: one.order)


def _whole(slot: Slot, token: Token) -> tuple[Item | Removed, ...]:
    """A single event, or a series with all its occurrences, as far as it lies in the window."""
    item = slot.item
    if item.recurrence is None:
        inside = item.end >= token.start and item.start < token.end
        return (item,) if inside else ()
    occurrences = series.between(item, token.start, token.end)
    return (item, *occurrences) if occurrences else ()


def _changed(slot: Slot, token: Token) -> tuple[Item | Removed, ...]:
    """The rows of what changed: of a series in which single occurrences did, the master and those that are exceptions."""
    item = slot.item
    rows = _whole(slot, token)
    if not rows:  # whether it ever was in the window is not looked at
        return (Removed(item.id, item.first_id or item.id),)
    is_whole = max(slot.created_seq, slot.whole_seq) > token.seen
    if item.recurrence is None or is_whole:
        return rows
    shown = {one.index: one for one in rows if not isinstance(one, Removed)}
    changed = sorted(
        n for n, seq in slot.numbers.items() if seq > token.seen and n in item.overrides
    )
    left = [Removed(item.id, item.first_id or item.id, n) for n in changed if n not in shown]
    return (item, *(shown[n] for n in changed if n in shown), *left)


def _answer(call: Call, rows: list[Item | Removed], token: Token, name: str) -> Answer:
    repeat = call.hits.first("repeat")
    often = repeat["times"] if repeat else 1
    showing = Showing(call.preferences)
    shown = [_row(row, showing) for row in rows for _ in range(often)]
    link = "@odata.nextLink" if name == "$skiptoken" else "@odata.deltaLink"
    content: dict[str, Any] = {
        "@odata.context": f"{call.service}/$metadata#Collection(event)",
        link: f"{call.address}?{name}={tokens.written(token)}",
        "value": shown,
    }
    return Answer(content=content, preference="odata.track-changes")


def _row(row: Item | Removed, showing: Showing) -> dict[str, Any]:
    if isinstance(row, Removed):
        return {
            "@odata.type": "#microsoft.graph.event",
            "id": _removed_id(row, immutable=showing.preferences.immutable),
            "@removed": {"reason": "deleted"},
        }
    if row.kind == "Occurrence":
        return thin(row, showing)
    return {"@odata.type": "#microsoft.graph.event", **event(row, showing)}


def _removed_id(row: Removed, *, immutable: bool) -> str:
    if immutable:
        return ids.of_first(row.first_id, row.index)
    return ids.rest(store_ids.occurrence_id(row.ews_id, row.index) if row.index else row.ews_id)
