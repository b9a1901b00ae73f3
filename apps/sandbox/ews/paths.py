"""Property paths: FieldURI and ExtendedFieldURI, as requests name what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.sandbox.ews import globalid, soap
from apps.sandbox.ews.names import short
from apps.sandbox.store import Item, PropertyName

Element = Any  # lxml has no types

_GLOBAL_OBJECT_IDS = {("Meeting", "3"), ("Meeting", "35")}


@dataclass(frozen=True)
class Extended:
    """An extended property: the store's name for it, and the element that names it on the wire."""

    name: PropertyName
    element: str

    def value(self, item: Item) -> str | tuple[str, ...] | None:
        """Read it from an item; the two global object ids follow from the UID."""
        if (self.name.set_id, self.name.name) in _GLOBAL_OBJECT_IDS:
            return globalid.of_uid(item.uid)
        return item.extended.get(self.name)

    def show(self, item: Item, longest: int | None = None) -> str:
        """Write the property, or nothing if the item lacks it."""
        value = self.value(item)
        if value is None:
            return ""
        if isinstance(value, str):
            shown = f"<t:Value>{soap.text(value[:longest])}</t:Value>"
        else:
            shown = "".join(f"<t:Value>{soap.text(one[:longest])}</t:Value>" for one in value)
            shown = f"<t:Values>{shown}</t:Values>"
        return f"<t:ExtendedProperty>{self.element}{shown}</t:ExtendedProperty>"


Path = str | Extended


def read(element: Element) -> Path:
    """Read a path: the name of a FieldURI (an IndexedFieldURI adds its index), or an extended property."""
    match short(element.tag):
        case "t:FieldURI":
            return str(element.get("FieldURI"))
        case "t:IndexedFieldURI":
            return f"{element.get('FieldURI')}#{element.get('FieldIndex')}"
        case _:
            return extended(element)


def extended(element: Element) -> Extended:
    """Read an ExtendedFieldURI. Sets are GUIDs in lower case, distinguished sets by name, or "tag"."""
    given = dict(element.attrib)
    set_id = given.get("DistinguishedPropertySetId") or given.get("PropertySetId", "").lower()
    name = given.get("PropertyName") or given.get("PropertyId", "")
    if "PropertyTag" in given:
        set_id, name = "tag", given["PropertyTag"].lower()
    attributes = "".join(f' {key}="{soap.attribute(value)}"' for key, value in given.items())
    found = PropertyName(set_id, name, given.get("PropertyType", "String"))
    return Extended(found, f"<t:ExtendedFieldURI{attributes}/>")
