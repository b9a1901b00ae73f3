"""The port over Microsoft Graph: one mailbox's calendar in Microsoft 365."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.exchange import zones
from apps.exchange.calendar import (
    Content,
    CursorPage,
    EventRef,
    Item,
    Mailbox,
    MailboxKind,
    Page,
    Parts,
    ViewPage,
    Window,
)
from apps.exchange.errors import (
    AccessDenied,
    ExchangeError,
    NotFound,
    SyncStateInvalid,
)
from apps.exchange.graph import batch, codes, cursors, links, mapping
from apps.exchange.graph.calls import PAGE, Calls
from apps.exchange.graph.client import Call, Client
from apps.exchange.graph.mapping import Kind, Row, text
from apps.exchange.graph.reading import Reader, single
from apps.exchange.graph.session import ORGANISATION
from apps.exchange.graph.whereabouts import Place, Whereabouts, hidden
from apps.exchange.graph.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.exchange.graph.session import GraphSettings

# Rows of a page of a delta: what is passed on the way to a cursor, and what is read, which may take a
# batch for each twenty of them.
PASSED_PAGE = 500
CHANGES_PAGE = 100
LONGEST_KEY = 600
# What tells whether something changed, where a delta may not be read.
_VERSIONS = "id,changeKey,type,seriesMasterId"


def calendar_for(settings: GraphSettings, email: str) -> GraphCalendar:
    """The port to a mailbox, for one run; the session below it lives on.

    Raises:
        Misconfigured: settings of the operator's that cannot be read.
    """
    return GraphCalendar(Client(settings, email))


class GraphCalendar:
    """One mailbox. What it learns of series is good for one run."""

    # Attendees get an invitation, an update or a cancellation with every write, whatever we ask for.
    mails_attendees = True

    def __init__(self, client: Client, *, page_size: int = PAGE) -> None:
        self.client = client
        self._page_size = page_size
        self._calls = Calls(client.email, page_size=page_size)
        self._reader = Reader(client, self._calls)
        self._whereabouts = Whereabouts(client, self._calls)
        self._writer = Writer(client, self._calls, self._reader, self._whereabouts)
        # Told as removed by the last page of changes, and not looked up yet.
        self._removed: list[str] = []
        # Of these, those that the server named itself.
        self._told_removed: frozenset[str] = frozenset()
        self._looked_up: dict[str, Item | None] = {}
        self._trail = links.Trail()

    # --- The mailbox ----------------------------------------------------------------------------

    def open(self) -> Mailbox:
        """https://learn.microsoft.com/graph/api/calendar-get

        and, where the app's own permissions reach that far,
        https://learn.microsoft.com/graph/api/user-get-mailboxsettings
        """
        calendar, settings = self._calls.calendar(), self._calls.settings()
        is_organisation = self.client.settings.access == ORGANISATION
        calls = [calendar, settings] if is_organisation else [calendar]
        answers = batch.ask(self.client, calls)
        found, told = answers[0], answers[-1] if is_organisation else {}
        if isinstance(found, ExchangeError):
            raise found
        folder_id = text(found, "id")
        if not folder_id:
            raise codes.damaged(self.client.where(calendar))
        more: Row = {} if isinstance(told, ExchangeError) else told
        owner = found.get("owner")
        return Mailbox(
            # It names mailbox and folder, and is the same under each of the mailbox's addresses.
            key=folder_id if len(folder_id) <= LONGEST_KEY else _digest(folder_id),
            folder_id=folder_id,
            time_zone=zones.iana(text(more, "timeZone")) or "",
            can_write=found.get("canEdit") is not False,
            kind=mapping.mailbox_kind(_purpose(more)) if more else MailboxKind.UNKNOWN,
            name=text(owner, "name") if isinstance(owner, dict) else "",
        )

    # --- Changes --------------------------------------------------------------------------------

    def advance(self, cursor: str, window: Window) -> CursorPage:
        """https://learn.microsoft.com/graph/api/event-delta

        The documentation does not say whether an account may read the delta of a calendar that is
        only shared with it. Where it may not, what the calendar shows is the cursor.
        """
        if cursor:
            known = self._known(cursor)
            if isinstance(known, cursors.Shown):
                return CursorPage(cursor, is_last=True)
            call = self._calls.follow(known, min(self._page_size, PASSED_PAGE))
            page = self._delta(call)
        else:
            call = self._calls.delta(window, min(self._page_size, PASSED_PAGE))
            try:
                page = self.client.ask(call)
            except AccessDenied:
                if self.client.settings.access == ORGANISATION:
                    raise
                shown = cursors.Shown(window, cursors.digests(self._versions(window)))
                return CursorPage(cursors.of_shown(self.client.email, shown), is_last=True)
        following, is_last = self._next(page, call)
        if not is_last and self._trail.is_a_circle(cursor, following):
            raise codes.damaged(self.client.where(call))
        return CursorPage(following, is_last)

    def changes(self, cursor: str, window: Window) -> Page:
        """https://learn.microsoft.com/graph/delta-query-events

        Of a series a delta tells what it likes, and of its occurrences nothing but their times: so a
        series is read whole when any row of it comes. Stamps never come: what may be ours is read
        whole too.
        """
        known = self._known(cursor)
        self._forget()
        if isinstance(known, cursors.Shown):
            return self._compared(known, cursor, window)
        call = self._calls.follow(known, min(self._page_size, CHANGES_PAGE))
        page = self._delta(call)
        following, is_last = self._next(page, call)
        if not is_last and self._trail.is_a_circle(cursor, following):
            raise SyncStateInvalid(_("The pages of changes come to no end."))
        latest: dict[str, Row] = {}
        for row in self.client.rows_of(page, call):
            row_id = text(row, "id")
            if not row_id:
                # Something has changed that cannot be named: a whole look finds it.
                raise SyncStateInvalid(_("A change was told that cannot be understood."))
            # The later of two counts.
            latest.pop(row_id, None)
            latest[row_id] = row
        told: list[Item] = []
        removed: list[str] = []
        wanted: dict[str, bool] = {}
        for row_id, row in latest.items():
            if mapping.is_removed(row):
                removed.append(row_id)
            elif mapping.kind(row) is not Kind.SINGLE:
                wanted[mapping.item_id(row) or row_id] = True
            elif _may_be_ours(row):
                wanted.setdefault(row_id, False)
            else:
                told.append(single(row, row_id))
        items, lost = self._reader.read(wanted, window)
        gone = tuple(dict.fromkeys((*(one for one in removed if one not in wanted), *lost)))
        self._removed, self._told_removed = list(gone), frozenset(removed)
        return Page((*told, *items), gone, following, is_last)

    def _delta(self, call: Call) -> Row:
        """The page behind a link that was given before.

        Raises:
            SyncStateInvalid: also where the account may not read it, which another one might: the
                connection may have been granted anew.
        """
        try:
            return self.client.ask(call)
        except AccessDenied:
            if self.client.settings.access == ORGANISATION:
                raise
            raise SyncStateInvalid(_("The account may not follow this cursor.")) from None

    def _compared(self, before: cursors.Shown, cursor: str, window: Window) -> Page:
        """What a calendar shows now, beside what it showed."""
        now = cursors.digests(self._versions(before.window))
        if now == before.digests:
            return Page((), (), cursor, is_last=True)
        changed = [one for one, digest in now.items() if before.digests.get(one) != digest]
        items, lost = self._reader.read(dict.fromkeys(changed, False), window)
        gone = (*(one for one in before.digests if one not in now), *lost)
        self._removed = list(gone)
        after = cursors.of_shown(self.client.email, replace(before, digests=now))
        return Page(tuple(items), gone, after, is_last=True)

    def _versions(self, window: Window) -> list[Row]:
        return list(self.client.rows(self._calls.view(window, fields=_VERSIONS)))

    def _known(self, cursor: str) -> str | cursors.Shown:
        try:
            return cursors.read(cursor, self.client.email)
        except cursors.NoCursor:
            raise SyncStateInvalid(_("The cursor is of no use for this mailbox.")) from None

    def _next(self, page: Row, call: Call) -> tuple[str, bool]:
        """The cursor behind a page, and whether it stands at now."""
        following = text(page, "@odata.nextLink")
        link = following or text(page, "@odata.deltaLink")
        cursor = cursors.of_link(self.client.email, self.client.relative(link, call))
        return cursor, not following

    # --- Reading --------------------------------------------------------------------------------

    def view(self, window: Window, after: str = "") -> ViewPage:
        """https://learn.microsoft.com/graph/api/calendar-list-calendarview"""
        return self._reader.view(window, after)

    def find(self, window: Window, *, stamp: str = "", uid: str = "") -> tuple[Item, ...]:
        """https://learn.microsoft.com/graph/api/calendar-list-events"""
        return self._reader.find(window, stamp=stamp, uid=uid)

    def read(self, item_id: str, window: Window) -> Item:
        """https://learn.microsoft.com/graph/api/event-get, with its instances where it is a series.

        What is there and not shown has a problem: the calendar contradicts itself, so that neither
        the event nor its absence can be believed.
        """
        item = self._look_up(item_id, window)
        place = Place.ELSEWHERE if item is None else self._whereabouts.of(item)
        if item is None or place is Place.ELSEWHERE or self._is_told_gone(item, place, window):
            raise NotFound(_("The event is not in this calendar."))
        return item if place is Place.SHOWN else replace(item, events=(), problem=hidden())

    def _is_told_gone(self, item: Item, place: Place, window: Window) -> bool:
        """Whether changes and view agree that it is gone, of which what was deleted may not know.

        Changes also tell of an event as removed that has left the range: of that they say nothing.
        """
        if place is Place.SHOWN or item.item_id not in self._told_removed:
            return False
        return any(window.overlaps(one.starts_at, one.ends_at) for one in item.events)

    def _look_up(self, item_id: str, window: Window) -> Item | None:
        """What the calendar has under an id. Several that were told as removed are asked for at once."""
        if item_id in self._looked_up:
            return self._looked_up.pop(item_id)
        wanted = [item_id]
        if item_id in self._removed:
            self._removed.remove(item_id)
            wanted += self._removed[: batch.LARGEST - 2]
            del self._removed[: batch.LARGEST - 2]
        items, _lost = self._reader.read(dict.fromkeys(wanted, False), window)
        found: dict[str, Item | None] = dict.fromkeys(wanted) | {one.item_id: one for one in items}
        self._looked_up |= found
        return self._looked_up.pop(item_id)

    # --- Writing --------------------------------------------------------------------------------

    def _forget(self) -> None:
        """What was looked up may be something else now."""
        self._reader.forget()
        self._removed, self._looked_up = [], {}
        self._told_removed = frozenset()

    def create(self, content: Content, *, stamp: str, attempt_id: str) -> EventRef:
        """https://learn.microsoft.com/graph/api/user-post-events"""
        self._forget()
        return self._writer.create(content, stamp=stamp, attempt_id=attempt_id)

    def update(self, ref: EventRef, content: Content, parts: Parts) -> EventRef:
        """https://learn.microsoft.com/graph/api/event-update"""
        self._forget()
        return self._writer.update(ref, content, parts)

    def delete(self, ref: EventRef) -> None:
        """https://learn.microsoft.com/graph/api/event-delete"""
        self._forget()
        self._writer.delete(ref)

    def decline(self, ref: EventRef) -> None:
        """https://learn.microsoft.com/graph/api/event-decline"""
        self._forget()
        self._writer.decline(ref)


def _may_be_ours(row: Row) -> bool:
    """Whether a single may have our stamp, which no delta shows: nobody else has called it."""
    return bool(text(row, "transactionId")) or row.get("isOrganizer") is not False


def _purpose(settings: Mapping[str, Any]) -> str:
    found = settings.get("userPurpose")
    # Asked for by itself it comes in an object of its own.
    return text(found, "value") if isinstance(found, dict) else text(settings, "userPurpose")


def _digest(folder_id: str) -> str:
    return hashlib.sha256(folder_id.encode()).hexdigest()
