"""Sample answers, and small items made of a few words."""

from __future__ import annotations

from pathlib import Path

from apps.exchange.ews.xml import Element, make, parse, tag

DATA = Path(__file__).parents[2] / "data/ews"


def items(name: str = "items.xml") -> dict[str, Element]:
    """The calendar items of a sample answer, by their ids."""
    root = parse((DATA / name).read_bytes())
    return {item.find(tag("t:ItemId")).get("Id"): item for item in root.iter(tag("t:CalendarItem"))}


def item(**fields: str | Element) -> Element:
    """A calendar item with these fields: text, or whole elements; None leaves one out."""
    plain: dict[str, str | Element | None] = {
        "Start": "2026-06-01T08:00:00Z", "End": "2026-06-01T09:00:00Z", **fields,
    }  # fmt: skip
    return make(
        "t:CalendarItem",
        make("t:ItemId", Id="id", ChangeKey="key"),
        *(
            make(f"t:{name}", text=value) if isinstance(value, str) else value
            for name, value in plain.items()
            if value is not None
        ),
    )
