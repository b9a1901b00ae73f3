"""Sync states: opaque marks in a folder's history, and what happened since."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.sandbox.store.errors import StoreError
from apps.sandbox.store.items import Items
from apps.sandbox.store.model import Change, Folder, SyncPage

if TYPE_CHECKING:
    from collections.abc import Collection

INVALID = "Synchronization state data is corrupt or otherwise invalid."


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a client has read. In the first round: `seen` is where it began, `below` what is still to be listed."""

    seen: int
    below: int | None


class Sync(Items):
    """Adds what SyncFolderItems needs."""

    def sync(
        self, folder_id: str, state: str | None, limit: int = 512, ignore: Collection[str] = ()
    ) -> SyncPage:
        """List what changed in a folder since a state; without a state all of it, the newest first.

        Raises StoreError ErrorSyncFolderNotFound and ErrorInvalidSyncStateData.
        """
        with self.lock:
            folder = self._folders.get(folder_id)
            if folder is None:
                text = "The specified folder could not be found in the store."
                raise StoreError("ErrorSyncFolderNotFound", text)
            mark = _read(state, folder) if state else Mark(folder.seq, folder.seq + 1)
            if mark.below is not None:
                changes, mark, is_last = _first_round(folder, mark, mark.below, limit)
            else:
                changes, mark, is_last = _since(folder, mark, limit)
            kept = tuple(change for change in changes if change.item_id not in ignore)
            return SyncPage(state=_write(mark, folder), changes=kept, is_last=is_last)

    def forget_sync_states(self, folder_id: str) -> None:
        """Make every state that was given out for a folder invalid."""
        with self.lock:
            self.folder(folder_id).epoch += 1
            self.bump()


def _first_round(
    folder: Folder, mark: Mark, below: int, limit: int
) -> tuple[list[Change], Mark, bool]:
    left = [slot for slot in folder.slots.values() if slot.created_seq < below]
    left.sort(key=lambda slot: -slot.created_seq)
    page = left[:limit]
    changes = [Change(kind="create", item_id=one.item.id, item=one.item) for one in page]
    if len(page) < len(left):
        return changes, Mark(mark.seen, page[-1].created_seq), False
    # What changed while the pages were read follows at once.
    return changes, Mark(mark.seen, None), folder.seq == mark.seen


def _since(folder: Folder, mark: Mark, limit: int) -> tuple[list[Change], Mark, bool]:
    if folder.seq == mark.seen:
        return [], mark, True
    found: list[tuple[int, Change]] = []
    for slot in folder.slots.values():
        if slot.changed_seq > mark.seen:
            kind = "create" if slot.created_seq > mark.seen else "update"
            change = Change(kind=kind, item_id=slot.item.id, item=slot.item)  # type: ignore[arg-type]
            found.append((slot.changed_seq, change))
    for item_id, (created, deleted) in folder.gone.items():
        if deleted > mark.seen >= created:
            found.append((deleted, Change(kind="delete", item_id=item_id)))
    found.sort(key=lambda one: one[0])
    page = found[:limit]
    is_last = len(page) == len(found)
    seen = folder.seq if is_last else page[-1][0]
    return [change for _, change in page], Mark(seen, None), is_last


def _write(mark: Mark, folder: Folder) -> str:
    body = json.dumps([folder.id, folder.epoch, mark.seen, mark.below]).encode()
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big") + zlib.compress(body)).decode()


def _read(state: str, folder: Folder) -> Mark:
    try:
        raw = base64.b64decode(state, validate=True)
        body = zlib.decompress(raw[4:])
        folder_id, epoch, seen, below = json.loads(body)
    except (ValueError, zlib.error) as exc:
        raise StoreError("ErrorInvalidSyncStateData", INVALID) from exc
    intact = zlib.crc32(body).to_bytes(4, "big") == raw[:4]
    if not intact or folder_id != folder.id or epoch != folder.epoch or seen > folder.seq:
        raise StoreError("ErrorInvalidSyncStateData", INVALID)
    return Mark(seen, below)
