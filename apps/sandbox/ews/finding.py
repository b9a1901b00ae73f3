"""SyncFolderItems and FindItem: masters as the folder holds them, or a view with series expanded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.sandbox.ews import searching
from apps.sandbox.ews.call import EMPTY_SYNC_STATE, Call
from apps.sandbox.ews.errors import Refusal
from apps.sandbox.ews.folders import holder, place
from apps.sandbox.ews.names import M, T
from apps.sandbox.ews.reading import moment
from apps.sandbox.ews.shapes import Shape
from apps.sandbox.store.items import FIND_LIMIT

if TYPE_CHECKING:
    from apps.sandbox.store import Change, Folder, Item
    from apps.sandbox.store.microsoft import Right

Element = Any  # lxml has no types


def sync_folder_items(call: Call) -> str:
    """Answer SyncFolderItems (WSR/syncfolderitems-operation.md)."""
    shape = Shape.of(call.body.find(f"{M}ItemShape"), in_list=True)
    target = call.body.find(f"{M}SyncFolderId")[0]

    def one() -> str:
        try:
            folder = holder(call, target)
        except Refusal as refusal:
            if refusal.code == "ErrorFolderNotFound":
                raise Refusal("ErrorSyncFolderNotFound", payload=EMPTY_SYNC_STATE) from None
            raise
        state = call.body.findtext(f"{M}SyncState") or None
        ignored = {element.get("Id") for element in call.body.iterfind(f"{M}Ignore/{T}ItemId")}
        page = call.store.sync(folder.id, state, _limit(call), ignored)
        right = call.caller.folder_right(folder)
        shown = "".join(_change(shape, change, right) for change in page.changes)
        return (
            f"<m:SyncState>{page.state}</m:SyncState>"
            f"<m:IncludesLastItemInRange>{_boolean(page.is_last)}</m:IncludesLastItemInRange>"
            f"<m:Changes>{shown}</m:Changes>"
        )

    return call.together([call.one(target.get("Id", ""), one)])


def _limit(call: Call) -> int:
    wanted = int(call.body.findtext(f"{M}MaxChangesReturned"))
    cut = call.hits.first("truncate")
    return min(wanted, max(cut["keep"], 1)) if cut else wanted


def _change(shape: Shape, change: Change, right: Right) -> str:
    if change.item is None:
        return f'<t:Delete><t:ItemId Id="{change.item_id}"/></t:Delete>'
    tag = "Create" if change.kind == "create" else "Update"
    return f"<t:{tag}>{shape.show(change.item, right)}</t:{tag}>"


def _boolean(value: bool) -> str:  # noqa: FBT001 -- it is what is written
    return "true" if value else "false"


def find_item(call: Call) -> str:
    """Answer FindItem, with a CalendarView or page by page."""
    shape = Shape.of(call.body.find(f"{M}ItemShape"), in_list=True)
    view = call.body.find(f"{M}CalendarView")

    def one(element: Element) -> str:
        folder = place(call, element).folder
        if folder is None:
            return _found([], 0, last=True)
        right = call.caller.folder_right(folder)
        if view is not None:
            return _view(call, folder, view, shape, right)
        return _page(call, folder, shape, right)

    return call.each(call.body.find(f"{M}ParentFolderIds"), one)


def _view(call: Call, folder: Folder, view: Element, shape: Shape, right: Right) -> str:
    if call.body.find(f"{M}Restriction") is not None or call.body.find(f"{M}SortOrder") is not None:
        raise Refusal(
            "ErrorUnsupportedQueryFilter", "A calendar view takes no restriction and no sort order."
        )
    found = call.store.view(
        folder.id,
        moment(view.get("StartDate"), call.zone),
        moment(view.get("EndDate"), call.zone),
        int(view.get("MaxEntriesReturned", FIND_LIMIT)),
    )
    return _found(
        [shape.show(item, right) for item in found.items], found.total, last=found.is_last
    )


def _page(call: Call, folder: Folder, shape: Shape, right: Right) -> str:
    page = call.body.find(f"{M}IndexedPageItemView")
    offset, limit = 0, FIND_LIMIT
    if page is not None:
        offset = int(page.get("Offset"))
        limit = min(int(page.get("MaxEntriesReturned", FIND_LIMIT)), FIND_LIMIT)
    items = _matching(call, folder)
    if page is not None and page.get("BasePoint") == "End":
        items.reverse()
    chosen = items[offset : offset + limit]
    end = offset + len(chosen)
    return _found(
        [shape.show(item, right) for item in chosen],
        len(items),
        last=end >= len(items),
        offset=end if page is not None else None,
    )


def _matching(call: Call, folder: Folder) -> list[Item]:
    restriction = call.body.find(f"{M}Restriction")
    fits = searching.predicate(restriction[0], call.zone) if restriction is not None else None
    with call.store.lock:
        slots = sorted(folder.slots.values(), key=lambda slot: -slot.created_seq)
        items = [slot.item for slot in slots if fits is None or fits(slot.item)]
    order = call.body.find(f"{M}SortOrder")
    for one in reversed(order if order is not None else []):
        items.sort(key=searching.sort_key(one[0]), reverse=one.get("Order") == "Descending")
    return items


def _found(shown: list[str], total: int, *, last: bool, offset: int | None = None) -> str:
    at = f' IndexedPagingOffset="{offset}"' if offset is not None else ""
    return (
        f'<m:RootFolder{at} TotalItemsInView="{total}" IncludesLastItemInRange="{_boolean(last)}">'
        f"<t:Items>{''.join(shown)}</t:Items></m:RootFolder>"
    )
