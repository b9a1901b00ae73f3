"""A mailbox's week, as a very small Outlook shows it; on a narrow screen a list by day."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from apps.sandbox.pages.html import Child, Html, Response, h, hidden, page
from apps.sandbox.pages.start import KINDS
from apps.sandbox.pages.times import at, days_of, local, monday, when

if TYPE_CHECKING:
    from apps.sandbox.store import Item, Mailbox, Store

WEEK = dt.timedelta(days=7)
DAY = dt.timedelta(days=1)
FIRST_HOUR, LAST_HOUR = 7, 20
SHOWN_AS = {
    "Tentative": "tentative",
    "Free": "free",
    "OOF": "out of office",
    "WorkingElsewhere": "working elsewhere",
}


def base(mailbox: Mailbox) -> str:
    """Give the address of a mailbox's pages."""
    return f"/outlook/{quote(mailbox.address, safe='@')}/"


def event_page(mailbox: Mailbox, item_id: str, **more: str) -> str:
    """Give the address of an event's page."""
    return f"{base(mailbox)}event?{urlencode({'id': item_id, **more})}"


def week_page(mailbox: Mailbox, day: dt.date, **more: str) -> str:
    """Give the address of the week of a day."""
    return f"{base(mailbox)}?{urlencode({'week': monday(day).isoformat(), **more})}"


def show_week(store: Store, mailbox: Mailbox, day: dt.date, said: Html | None) -> Response:
    """Show the week that a day lies in."""
    first = monday(day)
    midnights = [at(first + DAY * number, dt.time(0), mailbox) for number in range(8)]
    # One at the edge belongs to the week before.
    items = [
        one
        for one in store.view(mailbox.calendar.id, midnights[0], midnights[-1]).items
        if one.end > midnights[0] or one.start == midnights[0]
    ]
    today = local(store.now(), mailbox).date()
    low, high = _hours(items, mailbox)
    grid = h(
        "div",
        _hour_marks(low, high),
        [_day(items, mailbox, first + DAY * number, today, low) for number in range(7)],
        class_="week",
        style=f"--hours:{high - low}",
    )
    return page(
        mailbox.name,
        _heading(
            mailbox,
            day
            if first <= day < first + WEEK and day != first
            else max(first, min(today, first + 6 * DAY)),
        ),
        said,
        _week_bar(mailbox, first, today),
        grid,
        _legend(),
        _folders(mailbox),
    )


def _heading(mailbox: Mailbox, new_on: dt.date) -> Html:
    about = f"{mailbox.address} · {KINDS[mailbox.kind]} · {mailbox.time_zone}"
    new = h(
        "a",
        "New event",
        href=f"{base(mailbox)}new?{urlencode({'date': new_on.isoformat()})}",
        class_="button primary",
    )
    return h("div", h("div", h("h1", mailbox.name), h("p", about)), new, class_="heading")


def _week_bar(mailbox: Mailbox, first: dt.date, today: dt.date) -> Html:
    last = first + 6 * DAY
    if first.month == last.month:
        title = f"{first.day} to {last.day} {last:%B %Y}"
    else:
        title = f"{first.day} {first:%B} to {last.day} {last:%B %Y}"
    links = [
        h("a", name, href=week_page(mailbox, on), class_="button")
        for name, on in (
            ("Previous week", first - WEEK),
            ("This week", today),
            ("Next week", first + WEEK),
        )
    ]
    return h(
        "nav", h("h2", title), h("div", *links, class_="row"), class_="weekbar", aria_label="Weeks"
    )


def _hours(items: tuple[Item, ...] | list[Item], mailbox: Mailbox) -> tuple[int, int]:
    low, high = FIRST_HOUR, LAST_HOUR
    for item in items:
        start, end = local(item.start, mailbox), local(item.end, mailbox)
        if item.all_day:
            continue
        if start.date() != end.date():
            return 0, 24
        low, high = min(low, start.hour), max(high, end.hour + (end.minute > 0))
    return low, high


def _hour_marks(low: int, high: int) -> Html:
    marks = [h("li", f"{hour:02}:00", style=f"--at:{hour - low}") for hour in range(low, high)]
    return h("div", h("ol", *marks), class_="hours", aria_hidden="true")


def _day(items: list[Item], mailbox: Mailbox, day: dt.date, today: dt.date, low: int) -> Html:
    here = [one for one in items if days_of(one, mailbox)[0] <= day <= days_of(one, mailbox)[1]]
    whole = [h("li", _event(one, mailbox)) for one in here if one.all_day]
    timed = [one for one in here if not one.all_day]
    name = f"day-{day.isoformat()}"
    note = f"{day.day} {day:%b}" + (", today" if day == today else "")
    return h(
        "section",
        h("h3", f"{day:%A}", h("span", note), id=name),
        h("ol", *whole, class_="whole"),
        h("ol", *_timed(timed, mailbox, day, low), class_="timed"),
        None if here else h("p", "Nothing", class_="nothing"),
        class_="day today" if day == today else "day",
        aria_labelledby=name,
    )


def _timed(items: list[Item], mailbox: Mailbox, day: dt.date, low: int) -> list[Child]:
    """Place events by the hour; those that overlap share the width."""
    spans = [_span(one, mailbox, day) for one in items]
    lanes, widths = _lanes(spans)
    placed: list[Child] = []
    for item, (start, end), lane, wide in zip(items, spans, lanes, widths, strict=True):
        style = f"--top:{start - low:.3f};--long:{max(end - start, 0.45):.3f};--lane:{lane};--lanes:{wide}"
        placed.append(h("li", _event(item, mailbox), style=style))
    return placed


def _span(item: Item, mailbox: Mailbox, day: dt.date) -> tuple[float, float]:
    """Give an event's part of a day in hours of the clock."""
    start, end = local(item.start, mailbox), local(item.end, mailbox)
    first = start.hour + start.minute / 60 if start.date() == day else 0.0
    last = end.hour + end.minute / 60 if end.date() == day else 24.0
    return first, max(first, last)


def _lanes(spans: list[tuple[float, float]]) -> tuple[list[int], list[int]]:
    """Give each span a lane beside those that it overlaps, and how many lanes its group has."""
    lanes: list[int] = []
    widths = [1] * len(spans)
    group: list[int] = []
    reach = -1.0
    for number, (start, end) in enumerate(spans):
        if start >= reach:
            group = []
        taken = {lanes[one] for one in group if spans[one][1] > start}
        lanes.append(next(lane for lane in range(len(spans)) if lane not in taken))
        group.append(number)
        reach = max(reach, end) if len(group) > 1 else end
        for one in group:
            widths[one] = max(lanes[other] for other in group) + 1
    return lanes, widths


def _event(item: Item, mailbox: Mailbox) -> Html:
    start, end = local(item.start, mailbox), local(item.end, mailbox)
    time = "All day" if item.all_day else f"{start:%H:%M}–{end:%H:%M}"
    notes = [] if item.sensitivity == "Normal" else [item.sensitivity.lower()]
    notes += [SHOWN_AS[item.show_as]] if item.show_as in SHOWN_AS else []
    notes += ["cancelled"] if item.is_cancelled else []
    notes += ["series"] if item.index else []
    notes += ["changed"] if item.kind == "Exception" else []
    kind = "cancelled" if item.is_cancelled else item.show_as.lower()
    return h(
        "a",
        h("span", time, class_="time"),
        " ",
        h("span", item.subject or "(no subject)", class_="subject"),
        h("span", ", ".join(["", *notes]) if notes else "", class_="note"),
        href=event_page(mailbox, item.id),
        class_=f"event {kind}",
        title=when(item, mailbox),
    )


def _legend() -> Html:
    shown = {
        "busy": "Busy",
        "tentative": "Tentative",
        "free": "Free",
        "oof": "Out of office",
        "workingelsewhere": "Working elsewhere",
        "cancelled": "Cancelled",
    }
    return h(
        "ul",
        [h("li", name, class_=f"event {kind}") for kind, name in shown.items()],
        class_="legend",
        aria_label="Colours",
    )


def _folders(mailbox: Mailbox) -> Html:
    links: list[Child] = [
        h(
            "a",
            f"{folder.name} ({len(folder.slots)})",
            href=f"{base(mailbox)}{path}",
            class_="button",
        )
        for folder, path in ((mailbox.deleted_items, "deleted"), (mailbox.other, "other"))
    ]
    if mailbox.kind != "user":
        links.append(h("a", "Booking rules", href=f"{base(mailbox)}rules", class_="button"))
    return h("nav", *links, class_="row folders", aria_label="Folders")


def hidden_id(item: Item) -> Html:
    """Carry an item's id in a form."""
    return h("input", type="hidden", name="id", value=item.id)


def named(verb: str, item: Item) -> Html:
    """Word a button of a list so that it can be told from the others."""
    return Html(h("span", verb) + hidden(f" {item.subject or '(no subject)'}"))
