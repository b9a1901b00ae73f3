"""Items in folders: read, write, delete, move, copy, find. No mail leaves from here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from apps.sandbox.store import history, ids, series, shaping
from apps.sandbox.store.directory import Directory
from apps.sandbox.store.errors import StoreError
from apps.sandbox.store.model import Folder, Found, Item, Mailbox, Slot, StoreEvent

Resolution = Literal["NeverOverwrite", "AutoResolve", "AlwaysOverwrite"]
Disposal = Literal["HardDelete", "SoftDelete", "MoveToDeletedItems"]
Fields = Mapping[str, Any]
FIND_LIMIT = 1000
LONGEST_VIEW = dt.timedelta(days=731)


class Items(Directory):
    """What lies in folders."""

    def item(self, item_id: str) -> Item:
        """Read a single, a master, or one occurrence by its id.

        Raises StoreError ErrorItemNotFound, the malformed-id ones, and those of `series.occurrence`.
        """
        with self.lock:
            stored, index = ids.split(item_id)
            item = self._slot(stored).item
            return series.occurrence(item, index) if index else item

    def id_now(self, first_id: str) -> str:
        """Give the id that a single or a series has now, by the one that it got first."""
        with self.lock:
            return self._moved.get(first_id, first_id)

    def first_id_of(self, item_id: str) -> str:
        """Give the id that a single or a series got first, by one that it has or had."""
        with self.lock:
            if item_id in self._places:
                return self._slot(item_id).item.first_id or item_id
            known = (one.first_ids.get(item_id) for one in self._folders.values())
            return next(filter(None, known), item_id)

    def occurrence(self, master_id: str, index: int) -> Item:
        """Read an occurrence by its master's id and its number."""
        with self.lock:
            stored, inner = ids.split(master_id)
            if inner:
                text = "The id is not that of a recurring master."
                raise StoreError("ErrorCalendarCannotUseIdForRecurringMasterId", text)
            return series.occurrence(self._slot(stored).item, index)

    def master_of(self, occurrence_id: str) -> Item:
        """Read the master of an occurrence. Raises StoreError ErrorCalendarCannotUseIdForOccurrenceId."""
        with self.lock:
            stored, index = ids.split(occurrence_id)
            if not index:
                text = "The id is not that of an occurrence."
                raise StoreError("ErrorCalendarCannotUseIdForOccurrenceId", text)
            return self._slot(stored).item

    def find(
        self,
        folder_id: str,
        where: Callable[[Item], bool] | None = None,
        *,
        offset: int = 0,
        limit: int = FIND_LIMIT,
    ) -> Found:
        """List singles and masters, the newest first."""
        with self.lock:
            slots = sorted(self.folder(folder_id).slots.values(), key=lambda one: -one.created_seq)
            items = [slot.item for slot in slots if where is None or where(slot.item)]
            page = items[offset : offset + min(limit, FIND_LIMIT)]
            return Found(
                items=tuple(page), total=len(items), is_last=offset + len(page) >= len(items)
            )

    def view(
        self, folder_id: str, start: dt.datetime, end: dt.datetime, limit: int = FIND_LIMIT
    ) -> Found:
        """List what overlaps a window, series expanded, by start; what ends just at its start is listed too.

        Raises StoreError ErrorCalendarEndDateIsEarlierThanStartDate and ErrorCalendarViewRangeTooBig.
        """
        if end < start:
            text = "EndDate is earlier than StartDate."
            raise StoreError("ErrorCalendarEndDateIsEarlierThanStartDate", text)
        if end - start > LONGEST_VIEW:
            text = "The view's range exceeds two years."
            raise StoreError("ErrorCalendarViewRangeTooBig", text)
        with self.lock:
            shown: list[Item] = []
            for item in self.folder(folder_id).items:
                if item.recurrence is not None:
                    shown += series.between(item, start, end)
                elif item.end >= start and item.start < end:
                    shown.append(item)
        shown.sort(key=lambda one: (one.start, one.end, one.id))
        page = shown[: min(limit, FIND_LIMIT)]
        return Found(items=tuple(page), total=len(shown), is_last=len(page) == len(shown))

    def blocking(
        self, mailbox: Mailbox, start: dt.datetime, end: dt.datetime
    ) -> list[tuple[dt.datetime, dt.datetime]]:
        """List the intervals in a calendar that nobody else can have."""
        with self.lock:
            found = []
            for item in mailbox.calendar.items:
                whole = [item] if item.recurrence is None else series.between(item, start, end)
                found += [
                    (one.start, one.end)
                    for one in whole
                    if one.blocks and one.end > start and one.start < end
                ]
            return sorted(found)

    def write_new(self, folder_id: str, fields: Fields, **inner: Any) -> Item:
        """Put a new item into a folder and send nothing. `inner` sets what only Exchange may set."""
        with self.lock:
            folder = self.folder(folder_id)
            mailbox = self.mailbox_of(folder)
            item = shaping.made(
                fields,
                id=ids.item_id(mailbox.id, folder.id, self._bytes()),
                mailbox_id=mailbox.id,
                folder_id=folder.id,
                organizer=inner.pop("organizer", self.owner(mailbox)),
                now=self.now(),
                uid=self._bytes(16).hex().upper(),
            )
            return self._enter(folder, replace(item, **inner), "Created")

    def write(
        self,
        item_id: str,
        fields: Fields,
        *,
        change_key: str | None = None,
        resolution: Resolution = "AlwaysOverwrite",
        **inner: Any,
    ) -> Item:
        """Change a single, a series by its master, or one occurrence, and send nothing.

        Raises StoreError ErrorIrresolvableConflict for a stale key, ErrorInvalidPropertySet for what cannot be set.
        """
        with self.lock:
            stored, index = ids.split(item_id)
            slot = self._slot(stored)
            self._refuse_stale(slot.item, fields, change_key, resolution)
            if index:
                changed = shaping.changed_occurrence(slot.item, index, {**fields, **inner})
            else:
                changed = replace(shaping.changed(slot.item, fields), **inner)
            self._replace(slot, changed, fields)
            return self.item(item_id)

    def write_gone(
        self, item_id: str, how: Disposal = "HardDelete", *, change_key: str | None = None
    ) -> Item | None:
        """Delete, and send nothing. Answers the item in Deleted Items if it went there.

        Raises StoreError ErrorIrresolvableConflict when `change_key` is given and stale.
        """
        with self.lock:
            stored, index = ids.split(item_id)
            slot = self._slot(stored)
            if change_key is not None and change_key != slot.item.change_key:
                raise StoreError("ErrorIrresolvableConflict", shaping.STALE)
            if index:
                self._replace(slot, series.without(slot.item, index), {"deleted": index})
                return None
            mailbox = self.mailbox_of(slot.item)
            in_bin = slot.item.folder_id == mailbox.deleted_items.id
            if how == "MoveToDeletedItems" and not in_bin:
                return self.move(stored, mailbox.deleted_items.id)
            self._leave(slot.item)
            self._tell(self._event("Deleted", slot.item))
            return None

    def move(self, item_id: str, folder_id: str) -> Item:
        """Move a single or a whole series to another folder, where it gets another id.

        Raises StoreError ErrorCalendarCannotMoveOrCopyOccurrence for one occurrence.
        """
        with self.lock:
            stored, index = ids.split(item_id)
            if index:
                text = "An occurrence cannot be moved or copied by itself."
                raise StoreError("ErrorCalendarCannotMoveOrCopyOccurrence", text)
            item = self._slot(stored).item
            target = self.folder(folder_id)
            new_id = ids.item_id(target.mailbox_id, target.id, self._bytes())
            self._leave(item)
            stays = item.mailbox_id == target.mailbox_id
            moved = replace(
                item,
                id=new_id,
                folder_id=target.id,
                mailbox_id=target.mailbox_id,
                first_id=(item.first_id or item.id) if stays else "",
            )
            return self._enter(target, moved, "Moved", old=item)

    def restore(self, item_id: str) -> Item:
        """Move a deleted item back into its mailbox's calendar."""
        with self.lock:
            return self.move(item_id, self.mailbox_of(self.item(item_id)).calendar.id)

    def copy(self, item_id: str, folder_id: str | None = None) -> Item:
        """Copy a single or a series as Outlook does: extended properties are kept, the UID is another."""
        with self.lock:
            item = self.item(item_id)
            target = self.folder(folder_id or item.folder_id)
            kind = "Single" if item.index else item.kind
            copied = replace(
                item,
                id=ids.item_id(target.mailbox_id, target.id, self._bytes()),
                folder_id=target.id,
                mailbox_id=target.mailbox_id,
                uid=self._bytes(16).hex().upper(),
                kind=kind,
                created_at=self.now(),
                master_id="",
                index=0,
                original_start=None,
                first_id="",
                transaction_id="",
            )
            return self._enter(target, copied, "Copied", old=item)

    def _slot(self, stored: str) -> Slot:
        folder = self._places.get(stored)
        if folder is None:
            text = "The specified object was not found in the store."
            raise StoreError("ErrorItemNotFound", text)
        return folder.slots[stored]

    def _refuse_stale(
        self, item: Item, fields: Fields, key: str | None, resolution: Resolution
    ) -> None:
        if resolution == "AlwaysOverwrite" or key == item.change_key:
            return
        if not key:
            text = "A change key is required for this operation."
            raise StoreError("ErrorChangeKeyRequiredForWriteOperations", text)
        seen = ids.revision_of(key)
        clash = any(item.touched.get(name, 0) > seen for name in fields)
        if resolution == "NeverOverwrite" or clash:
            raise StoreError("ErrorIrresolvableConflict", shaping.STALE)

    def _enter(
        self,
        folder: Folder,
        item: Item,
        kind: Literal["Created", "Moved", "Copied"],
        old: Item | None = None,
    ) -> Item:
        revision = self.bump()
        item = replace(
            item,
            change_key=ids.change_key(revision, self._bytes()),
            modified_at=self.now(),
            touched={},
        )
        folder.seq += 1
        folder.slots[item.id] = Slot(item, folder.seq, folder.seq)
        self._places[item.id] = folder
        if item.first_id:
            self._moved[item.first_id] = item.id
        self._tell(self._event(kind, item, old))
        return item

    def _replace(self, slot: Slot, item: Item, fields: Fields) -> None:
        revision = self.bump()
        folder = self._places[item.id]
        folder.seq += 1
        slot.changed_seq = folder.seq
        history.note(slot, item, folder.seq)
        slot.item = replace(
            item,
            change_key=ids.change_key(revision, self._bytes()),
            modified_at=self.now(),
            touched={**item.touched, **dict.fromkeys(fields, revision)},
        )
        self._tell(self._event("Modified", slot.item))

    def _leave(self, item: Item) -> None:
        self.bump()
        folder = self._places.pop(item.id)
        slot = folder.slots.pop(item.id)
        self._moved.pop(item.first_id, None)
        folder.seq += 1
        folder.gone[item.id] = (slot.created_seq, folder.seq)
        if item.first_id:
            folder.first_ids[item.id] = item.first_id

    def _event(
        self,
        kind: Literal["Created", "Modified", "Deleted", "Moved", "Copied"],
        item: Item,
        old: Item | None = None,
    ) -> StoreEvent:
        return StoreEvent(
            kind=kind,
            at=self.now(),
            mailbox_id=item.mailbox_id,
            folder_id=item.folder_id,
            item_id=item.id,
            old_folder_id=old.folder_id if old else "",
            old_item_id=old.id if old else "",
        )
