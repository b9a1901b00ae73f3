"""Spoil an answer that was good: cut views, odd properties, and XML that ends early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lxml import etree

from apps.sandbox.ews.names import M, T

if TYPE_CHECKING:
    from apps.sandbox.faults import Hits

Element = Any  # lxml has no types


def spoil(content: bytes, hits: Hits) -> bytes:
    """Apply what is arranged for this answer; without any arrangement it stays byte by byte."""
    odd, view, notes = hits.all("odd"), hits.first("truncate"), hits.first("repeat")
    if not odd and view is None and notes is None:
        return content
    root = etree.fromstring(content)
    for options in odd:
        _make_odd(root, options)
    if view is not None:
        for folder in root.iter(f"{M}RootFolder"):
            _truncate(folder, view)
    if notes is not None:
        _repeat(root, notes["times"])
    return bytes(etree.tostring(root, xml_declaration=True, encoding="utf-8"))


def _truncate(folder: Element, options: dict[str, Any]) -> None:
    items = folder.find(f"{T}Items")
    for item in list(items)[options["keep"] :]:
        items.remove(item)
    folder.set("IncludesLastItemInRange", "true" if options["claims_all"] else "false")


def _make_odd(root: Element, options: dict[str, Any]) -> None:
    for item in root.iter(f"{T}CalendarItem"):
        item_id = item.find(f"{T}ItemId")
        if options["item"] and (item_id is None or item_id.get("Id") != options["item"]):
            continue
        for element in item.findall(f"{T}{options['element']}"):
            _make_element_odd(item, element, options)


def _make_element_odd(item: Element, element: Element, options: dict[str, Any]) -> None:
    if options["remove"]:
        item.remove(element)
    elif options["fraction"]:
        element.text = (element.text or "").replace("Z", f"{options['fraction']}Z")
    elif options["attribute"]:
        element.set(options["attribute"], options["value"] or "")
    else:
        for child in list(element):
            element.remove(child)
        element.text = options["value"]


def _repeat(root: Element, times: int) -> None:
    for notification in list(root.iter(f"{M}Notification")):
        for event in list(notification):
            if event.find(f"{T}TimeStamp") is None:
                continue
            for _ in range(times - 1):
                event.addnext(etree.fromstring(etree.tostring(event)))
