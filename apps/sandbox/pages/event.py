"""An event's page: read it, change it, and all else that a person does with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.sandbox.pages.fields import Entries, blank, read, shown
from apps.sandbox.pages.form import Form, event_fields, problems
from apps.sandbox.pages.html import Child, Html, Response, h, page, redirect
from apps.sandbox.pages.times import days_of, local, when
from apps.sandbox.pages.week import base, event_page, hidden_id, week_page
from apps.sandbox.store import StoreError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from apps.sandbox.store import Item, Mailbox, Store

ANSWERS = {
    "Accept": "accepted",
    "Decline": "declined",
    "Tentative": "accepted tentatively",
    "NoResponseReceived": "has not answered",
    "Unknown": "has not answered",
    "Organizer": "organises it",
}


def new_event(store: Store, mailbox: Mailbox, day: dt.date) -> Response:
    """Show an empty form."""
    return _new(store, mailbox, blank(day), {})


def create(store: Store, mailbox: Mailbox, entries: Entries) -> Response:
    """Take the form of a new event; meetings go out to who is invited."""
    reading = read(entries, mailbox, store, None)
    if reading.wrong:
        return _new(store, mailbox, entries, reading.wrong)
    try:
        made = store.create(mailbox.calendar.id, reading.fields, send=True)
    except StoreError as exc:
        return _new(store, mailbox, entries, {"": _in_words(exc)})
    first = made if made.recurrence is None else store.item(made.id)
    return redirect(week_page(mailbox, days_of(first, mailbox)[0], said="saved", id=made.id))


def show_event(store: Store, mailbox: Mailbox, item: Item, said: Html | None = None) -> Response:
    """Show an event with its form."""
    return _event(store, mailbox, item, shown(item, mailbox), {}, said)


def save(store: Store, mailbox: Mailbox, item: Item, entries: Entries) -> Response:
    """Take the form of an event that was there. When somebody else changed it meanwhile, nothing entered is lost."""
    reading = read(entries, mailbox, store, item)
    if not reading.wrong and entries.get("change_key") != [item.change_key]:
        reading.wrong[""] = (
            f"Somebody else changed this event meanwhile. It is now “{item.subject}”, {when(item, mailbox)}. "
            "Save again to write what stands below over it."
        )
    if reading.wrong:
        kept = {**entries, "change_key": [item.change_key]}
        return _event(store, mailbox, item, kept, reading.wrong, None)
    try:
        if reading.fields:
            item = store.change(
                item.id,
                reading.fields,
                change_key=item.change_key,
                resolution="NeverOverwrite",
                send=True,
            )
    except StoreError as exc:
        kept = {**entries, "change_key": [item.change_key]}
        return _event(store, mailbox, item, kept, {"": _in_words(exc)}, None)
    day = days_of(item, mailbox)[0]
    return redirect(week_page(mailbox, day, said="saved", id=item.id))


def ask_what_to_delete(mailbox: Mailbox, item: Item) -> Response:
    """Ask whether one occurrence or the whole series goes."""
    buttons = [
        h("button", text, name="action", value=value, class_="danger")
        for text, value in (("Only this one", "delete-one"), ("The whole series", "delete-series"))
    ]
    back = h("a", "Keep it", href=event_page(mailbox, item.id), class_="button")
    return page(
        f"Delete {item.subject}",
        h("h1", "What should be deleted?"),
        h(
            "div",
            h("p", f"“{item.subject}”, {when(item, mailbox)}, belongs to a series."),
            h(
                "form",
                hidden_id(item),
                *buttons,
                back,
                method="post",
                action=f"{base(mailbox)}event",
                class_="actions",
            ),
            class_="card",
        ),
    )


def told(store: Store, mailbox: Mailbox, said: str, item_id: str) -> Html | None:
    """Say what was done, from what the store holds now."""
    sentences = {"deleted": "Deleted. It can be restored from Deleted Items.", "cancelled": "Cancelled. Everybody invited was told.",
                 "restored": "Restored.", "moved": "Moved.", "declined": "Declined. The organiser was told.", "rules": "The rules were saved.",
                 "deleted-one": "Deleted. The rest of the series stays."}  # fmt: skip
    if said in sentences:
        return h("p", sentences[said], class_="message", role="status")
    try:
        item = store.item(item_id)
    except StoreError:
        return None
    if said not in {"saved", "copied"}:
        return None
    answers = [f"{one.name} {ANSWERS[one.response]}." for one in item.attendees]
    text = f"{'Saved' if said == 'saved' else 'Copied'}: {item.subject}, {when(item, mailbox)}."
    return h("p", " ".join([text, *answers]), class_="message", role="status")


def _new(store: Store, mailbox: Mailbox, entries: Entries, wrong: Mapping[str, str]) -> Response:
    form = Form(entries, wrong)
    back = h("a", "Back to the calendar", href=base(mailbox), class_="button")
    body = h(
        "form",
        event_fields(form, mailbox, rule=True, invited=_whom_to_invite(store, mailbox)),
        h("div", h("button", "Save", class_="primary"), back, class_="actions"),
        method="post",
        action=f"{base(mailbox)}new",
        novalidate=True,
        class_="card",
    )
    status = 400 if wrong else 200
    return page(
        "New event",
        h("h1", "New event"),
        h("p", _whose(mailbox), class_="faint"),
        problems(wrong),
        body,
        status=status,
    )


def _event(
    store: Store,
    mailbox: Mailbox,
    item: Item,
    entries: Entries,
    wrong: Mapping[str, str],
    said: Html | None,
) -> Response:
    form = Form(entries, wrong)
    invited = {} if item.was_received or item.index else _whom_to_invite(store, mailbox)
    keep = (
        [h("input", type="hidden", name="invited", value=one.address) for one in item.attendees]
        if item.index
        else []
    )
    week = week_page(mailbox, local(item.start, mailbox).date())
    body = h(
        "form",
        hidden_id(item),
        h("input", type="hidden", name="change_key", value=item.change_key),
        *keep,
        event_fields(form, mailbox, rule=not item.index, invited=invited),
        h(
            "div",
            h("button", "Save", name="action", value="save", class_="primary"),
            h("a", "Back to the calendar", href=week, class_="button"),
            class_="actions",
        ),
        method="post",
        action=f"{base(mailbox)}event",
        novalidate=True,
        class_="card",
    )
    return page(
        item.subject or "Event",
        h("h1", item.subject or "(no subject)"),
        h("p", f"{when(item, mailbox)} · {_whose(mailbox)}", class_="faint"),
        said,
        problems(wrong),
        _which(mailbox, item),
        h("div", body, h("aside", _people(item), _buttons(mailbox, item)), class_="split"),
        status=400 if wrong else 200,
    )


def _which(mailbox: Mailbox, item: Item) -> Html | None:
    """Say that an event belongs to a series, and lead to the other way to change it."""
    if item.index:
        link = h("a", "Change the whole series", href=event_page(mailbox, item.master_id))
        return h("p", "Only this one of a series is changed here. ", link, class_="message info")
    if item.recurrence is not None:
        changed, gone = len(item.overrides), len(item.deleted)
        more = (
            f" {changed} changed and {gone} deleted on their own; a new time or rule undoes that."
            if changed or gone
            else ""
        )
        return h("p", f"The whole series is changed here.{more}", class_="message info")
    return None


def _people(item: Item) -> Html | None:
    if not item.is_meeting:
        return None
    state = "This meeting is cancelled. " if item.is_cancelled else ""
    lines: list[Child] = [h("li", f"{one.name} {ANSWERS[one.response]}") for one in item.attendees]
    return h(
        "div",
        h("h2", "Meeting"),
        h("p", f"{state}Organised by {item.organizer.name}, {item.organizer.address}."),
        h("ul", *lines),
        class_="card",
    )


def _buttons(mailbox: Mailbox, item: Item) -> Html:
    free = ("Show as busy", "busy") if item.show_as == "Free" else ("Show as free", "free")
    private = (
        ("Make private", "private")
        if item.sensitivity == "Normal"
        else ("Make not private", "normal")
    )
    listed = [free, private, ("Copy", "copy")]
    if not item.index:
        there = item.folder_id == mailbox.calendar.id
        listed.append(
            ("Move to other calendar", "refile") if there else ("Move to calendar", "refile-back")
        )
    if item.was_received and not item.is_cancelled:
        listed += [("Accept", "accept"), ("Decline", "decline")]
    if item.attendees and not item.was_received:
        listed.append(("Cancel meeting", "cancel"))
    listed.append(("Delete", "delete"))
    buttons = [
        h(
            "button",
            text,
            name="action",
            value=value,
            class_="danger" if value in {"delete", "cancel", "decline"} else None,
        )
        for text, value in listed
    ]
    form = h("form", hidden_id(item), *buttons, method="post", action=f"{base(mailbox)}event")
    return h("div", h("h2", "Actions"), h("div", form, class_="actions"), class_="card")


def _whom_to_invite(store: Store, mailbox: Mailbox) -> dict[str, dict[str, str]]:
    """List rooms and people of the organisation; only a person invites."""
    if mailbox.kind != "user":
        return {}
    others = [one for one in store.mailboxes(mailbox.organisation) if one.id != mailbox.id]
    return {
        "Invite rooms": {
            one.address: one.name for one in others if one.kind in {"room", "equipment"}
        },
        "Invite people": {one.address: one.name for one in others if one.kind == "user"},
    }


def _whose(mailbox: Mailbox) -> str:
    return f"{mailbox.name}, times in {mailbox.time_zone}"


SENTENCES = {
    "ErrorRecurrenceHasNoOccurrence": "With this rule the series never takes place. Check the days and the end.",
    "ErrorOccurrenceTimeSpanTooBig": "Each time lasts until after the next one begins. Make it shorter, or repeat it less often.",
    "ErrorOccurrenceCrossingBoundary": "An event of a series cannot pass or overlap the one before or after it.",
    "ErrorCalendarDurationIsTooLong": "An event can last five years at most.",
    "ErrorIrresolvableConflict": "Somebody else changed this event in this very moment. Save again.",
    "ErrorCalendarIsNotOrganizer": "Only the organiser can cancel a meeting.",
}


def _in_words(exc: StoreError) -> str:
    return SENTENCES.get(exc.code, f"Exchange refused: {exc.message}")
