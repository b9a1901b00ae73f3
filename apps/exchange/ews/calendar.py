"""The port over EWS: one mailbox's calendar on an Exchange Server."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.exchange.calendar import (
    CalendarEvent,
    Content,
    CursorPage,
    EventKey,
    EventRef,
    Item,
    Mailbox,
    Page,
    Parts,
    ViewPage,
    Window,
    pages,
)
from apps.exchange.errors import (
    ExchangeError,
    NotFound,
    Rejected,
    StaleChangeKey,
    SyncStateInvalid,
)
from apps.exchange.ews import directory, services
from apps.exchange.ews.codes import Unsearchable
from apps.exchange.ews.expansion import NUMBER
from apps.exchange.ews.mapping import Kind, Unreadable, event, flag, ids, kind
from apps.exchange.ews.masters import master_of
from apps.exchange.ews.reading import Reader, single
from apps.exchange.ews.wire import Wire
from apps.exchange.ews.xml import find, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.exchange.ews.session import EwsSettings
    from apps.exchange.ews.xml import Element

LONGEST_KEY = 600


def calendar_for(settings: EwsSettings, email: str) -> EwsCalendar:
    """The port to a mailbox, for one run; the connection below it lives on.

    Raises:
        Misconfigured: settings that cannot be understood.
    """
    return EwsCalendar(Wire(settings, email))


class EwsCalendar:
    """One mailbox. What it learns of series is good for one run."""

    # Whatever we write says SendToNone.
    mails_attendees = False

    def __init__(self, wire: Wire, *, page_size: int = services.FIND_LIMIT) -> None:
        self.wire = wire
        self._page_size = page_size
        self._reader = Reader(wire, page_size=page_size)

    def open(self) -> Mailbox:
        folder = directory.get_folder(self.wire)
        folder_id, _key = ids(folder, "t:FolderId")
        rights = find(folder, "t:EffectiveRights")
        return Mailbox(
            key=folder_id if len(folder_id) <= LONGEST_KEY else _digest(folder_id),
            folder_id=folder_id,
            # EWS does not tell; bookings are sent with the resource's own.
            time_zone="",
            can_write=rights is None or flag(rights, "t:CreateContents"),
            name=self._name(),
        )

    def advance(self, cursor: str, window: Window) -> CursorPage:
        page = self._sync(cursor)
        return CursorPage(page.state, page.is_last)

    def changes(self, cursor: str, window: Window) -> Page:
        if not cursor:
            raise SyncStateInvalid(_("The cursor is empty."))
        page = self._sync(cursor)
        if page.changed:
            self._reader.forget()
        # Lists cut long words and leave out addresses: what has changed is read whole.
        changed = dict.fromkeys(item_id for item_id, _key in map(ids, page.changed) if item_id)
        items, lost = self._reader.read(list(changed), window)
        return Page(tuple(items), (*page.gone, *lost), page.state, page.is_last)

    def view(self, window: Window, after: str = "") -> ViewPage:
        starts_at = dt.datetime.fromisoformat(after) if after else window.starts_at
        rows, ends_at = self._reader.rows(Window(starts_at, window.ends_at))
        sorted_rows = self._reader.sort(rows)
        events, problems = sorted_rows.events, sorted_rows.problems
        for master, row in self._reader.with_masters(sorted_rows.occurrences, problems):
            try:
                events.append(event(row, EventKey(master.item_id, master.name(row))))
            except Unreadable as error:
                problems[master.item_id] = str(error)
        part = Window(starts_at, ends_at)
        # Some servers show masters in views.
        for item in self._reader.read(sorted_rows.to_expand, part)[0]:
            events += item.events
            if item.problem:
                problems[item.item_id] = item.problem
        shown = [
            one
            for one in events
            if part.overlaps(one.starts_at, one.ends_at)
            # What began before was on the page before.
            and (not after or one.starts_at >= starts_at)
        ]
        return ViewPage(
            tuple(sorted(shown, key=lambda one: (one.starts_at, one.key))),
            tuple(problems.items()),
            "" if ends_at >= window.ends_at else ends_at.isoformat(),
        )

    def read(self, item_id: str, window: Window) -> Item:
        answer = services.get_items(self.wire, [services.item_id(item_id)], services.EXPANDED)[0]
        if isinstance(answer, Rejected):
            return Item(item_id, problem=answer.cause)
        if isinstance(answer, ExchangeError):
            raise answer
        if kind(answer) in (Kind.OCCURRENCE, Kind.EXCEPTION) or self._reader.is_elsewhere(answer):
            raise NotFound(_("The event is not in this calendar."))
        if kind(answer) is Kind.MASTER:
            return self._reader.expand([master_of(answer)], window)[0]
        return single(answer, item_id)

    def find(self, window: Window, *, stamp: str = "", uid: str = "") -> tuple[Item, ...]:
        found: list[str] = []
        for search, wanted in (
            (services.find_by_stamp, stamp), (services.find_by_uid, uid),
        ):  # fmt: skip
            if not wanted:
                continue
            try:
                found += [ids(row)[0] for row in search(self.wire, wanted).items]
            except Unsearchable:
                found += self._searched(window, wanted)
        # They are few, and decide what is whose: each is read whole.
        item_ids = [item_id for item_id in dict.fromkeys(found) if item_id]
        items, _lost = self._reader.read(item_ids, window)
        return tuple(items)

    def create(self, content: Content, *, stamp: str, attempt_id: str) -> EventRef:
        item_id, change_key = services.create_item(
            self.wire, content, stamp=stamp, attempt_id=attempt_id
        )
        return EventRef(EventKey(item_id), change_key)

    def update(self, ref: EventRef, content: Content, parts: Parts) -> EventRef:
        target = (ref.key.item_id, ref.change_key)
        if ref.key.original_start:
            target = ids(self._current(ref))
            self._reader.forget()
        item_id, change_key = services.update_item(self.wire, target, content, parts)
        return EventRef(ref.key, change_key, item_id if ref.key.original_start else "")

    def delete(self, ref: EventRef) -> None:
        # Whether DeleteItem looks at a change key is nowhere written.
        target = ids(self._current(ref))
        self._reader.forget()
        services.delete_item(self.wire, target)

    def decline(self, ref: EventRef) -> None:
        current = self._current(ref)
        try:
            is_invitation = event(current).is_invitation
        except Unreadable:
            is_invitation = True
        if not is_invitation:
            raise Rejected(_("An appointment without another organiser cannot be declined."))
        self._reader.forget()
        services.decline_item(self.wire, ids(current))

    def _sync(self, cursor: str) -> services.SyncPage:
        return services.sync_folder_items(self.wire, cursor, limit=self._page_size)

    def _name(self) -> str:
        """What the directory calls the mailbox; nothing depends on it."""
        try:
            found = directory.resolve_names(self.wire, self.wire.email)
        except ExchangeError:
            return ""
        return text(found[0], "t:Name") if found else ""

    def _searched(self, window: Window, wanted: str) -> list[str]:
        """Ids of what a window shows with this stamp or UID, where the server cannot search."""
        return [one.key.item_id for one in self._window(window) if wanted in (one.stamp, one.uid)]

    def _window(self, window: Window) -> Iterator[CalendarEvent]:
        for page in pages(self.view, window):
            yield from page.events

    def _current(self, ref: EventRef) -> Element:
        """The event as it is now, if nobody changed it since that version.

        Raises:
            NotFound, StaleChangeKey.
        """
        name = ref.key.original_start
        master = services.item_id(ref.key.item_id)
        wanted = [master]
        if name and ref.wire_id.startswith(NUMBER):
            number = int(ref.wire_id.removeprefix(NUMBER))
            wanted.append(services.occurrence_id(ref.key.item_id, number))
        elif name:
            wanted.append(services.item_id(ref.wire_id or ref.key.item_id))
        answers = services.get_items(self.wire, wanted, services.EXPANDED)
        for answer in answers:
            if isinstance(answer, ExchangeError):
                raise answer
        found = answers[-1]
        is_another = bool(name) and master_of(answers[0]).name(found) != name
        if is_another or ref.change_key not in {ids(answer)[1] for answer in answers}:
            raise StaleChangeKey(_("The event was changed since it was read."))
        return found


def _digest(folder_id: str) -> str:
    return hashlib.sha256(folder_id.encode()).hexdigest()
