"""What lies below /outlook/: which page, and what its buttons do."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from apps.sandbox.attendant import Attendant
from apps.sandbox.pages import event
from apps.sandbox.pages.fields import Entries, entered
from apps.sandbox.pages.form import Form
from apps.sandbox.pages.html import Html, Response, h, page, redirect
from apps.sandbox.pages.times import days_of, local, when
from apps.sandbox.pages.week import base, event_page, hidden_id, named, show_week, week_page
from apps.sandbox.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.sandbox.store import Folder, Item, Mailbox, Store

PROCESSING = {
    "AutoAccept": "Accept or decline by itself",
    "AutoUpdate": "Leave requests tentative",
    "None": "Ignore requests",
}


def outlook(method: str, path: str, query: Entries, form: Entries, store: Store) -> Response:
    """Answer a request below /outlook/."""
    address, _, place = path.removeprefix("/outlook/").partition("/")
    if not address:
        return redirect("/")
    mailbox = store.find_mailbox(unquote(address))
    if mailbox is None:
        return _missing("There is no such mailbox.")
    if path == f"/outlook/{address}":
        return redirect(base(mailbox))
    try:
        if method == "POST":
            return _post(store, mailbox, place, form)
        return _get(store, mailbox, place, query)
    except StoreError as exc:
        if (
            exc.code in {"ErrorItemNotFound", "ErrorInvalidIdMalformed", "ErrorInvalidIdEmpty"}
            or "Occurrence" in exc.code
        ):
            return _missing(
                "This event is not there any more. It was deleted, or moved to another folder.",
                mailbox,
            )
        raise


def _get(store: Store, mailbox: Mailbox, place: str, query: Entries) -> Response:
    said = event.told(store, mailbox, entered(query, "said"), entered(query, "id"))
    pages: dict[str, Callable[[], Response]] = {
        "": lambda: show_week(store, mailbox, _day(store, mailbox, entered(query, "week")), said),
        "new": lambda: event.new_event(
            store, mailbox, _day(store, mailbox, entered(query, "date"))
        ),
        "event": lambda: event.show_event(store, mailbox, _item(store, mailbox, query), said),
        "deleted": lambda: _folder(mailbox, mailbox.deleted_items, "Restore", "restore"),
        "other": lambda: _folder(mailbox, mailbox.other, "Move to calendar", "refile-back"),
        "rules": lambda: _rules(mailbox),
    }
    if place not in pages:
        return _missing("There is no such page.", mailbox)
    return pages[place]()


def _post(store: Store, mailbox: Mailbox, place: str, form: Entries) -> Response:
    match place:
        case "new":
            return event.create(store, mailbox, form)
        case "event":
            item = _item(store, mailbox, form)
            if entered(form, "action") == "save":
                return event.save(store, mailbox, item, form)
            return _act(store, mailbox, item, entered(form, "action"))
        case "rules":
            return _save_rules(store, mailbox, form)
        case _:
            return _missing("There is no such page.", mailbox)


def _act(store: Store, mailbox: Mailbox, item: Item, action: str) -> Response:
    """Do what a button says. What the store refuses is said on the event's page."""
    try:
        return _do(store, mailbox, item, action)
    except StoreError as exc:
        said = h("p", f"Exchange refused: {exc.message}", class_="message bad", role="alert")
        return event.show_event(store, mailbox, store.item(item.id), said)


def _do(store: Store, mailbox: Mailbox, item: Item, action: str) -> Response:
    day = local(item.start, mailbox).date()
    match action:
        case "free" | "busy" | "private" | "normal":
            name = "show_as" if action in {"free", "busy"} else "sensitivity"
            store.change(item.id, {name: action.title()}, send=True)
            return redirect(event_page(mailbox, item.id, said="saved"))
        case "copy":
            copied = store.copy(item.id, mailbox.calendar.id)
            return redirect(event_page(mailbox, copied.id, said="copied"))
        case "refile":
            store.move(item.id, mailbox.other.id)
            return redirect(week_page(mailbox, day, said="moved"))
        case "refile-back" | "restore":
            moved = store.move(item.id, mailbox.calendar.id)
            said = "restored" if action == "restore" else "moved"
            return redirect(week_page(mailbox, days_of(moved, mailbox)[0], said=said))
        case "delete" if item.index:
            return event.ask_what_to_delete(mailbox, item)
        case _:
            return _end(store, mailbox, item, action, day)


def _end(store: Store, mailbox: Mailbox, item: Item, action: str, day: dt.date) -> Response:
    match action:
        case "delete" | "delete-one":
            store.delete(item.id, "MoveToDeletedItems", send=True)
            said = "deleted-one" if item.index else "deleted"
        case "delete-series":
            store.delete(item.master_id or item.id, "MoveToDeletedItems", send=True)
            said = "deleted"
        case "cancel":
            store.cancel(item.id)
            said = "cancelled"
        case "accept":
            store.respond(item.id, "Accept")
            return redirect(event_page(mailbox, item.id, said="saved"))
        case "decline":
            store.respond(item.id, "Decline")
            said = "declined"
        case _:
            return _missing("There is no such button.", mailbox)
    return redirect(week_page(mailbox, day, said=said))


def _folder(mailbox: Mailbox, folder: Folder, verb: str, action: str) -> Response:
    lines = [
        h(
            "li",
            h("span", h("strong", item.subject or "(no subject)"), h("br"), when(item, mailbox)),
            h(
                "form",
                hidden_id(item),
                h("button", named(verb, item), name="action", value=action),
                method="post",
                action=f"{base(mailbox)}event",
            ),
        )
        for item in sorted(folder.items, key=lambda one: one.modified_at, reverse=True)
    ]
    inside = (
        h("ul", *lines, class_="plain")
        if lines
        else h("p", "There is nothing in this folder.", class_="faint")
    )
    back = h("a", "Back to the calendar", href=base(mailbox), class_="button")
    return page(
        folder.name,
        h("h1", folder.name),
        h("p", mailbox.name, class_="faint"),
        h("div", inside, class_="card"),
        back,
    )


def _rules(mailbox: Mailbox) -> Response:
    """Show Set-CalendarProcessing's parameters of a mailbox."""
    settings = mailbox.attendant
    entries: dict[str, list[str]] = {"automate_processing": [settings.automate_processing]}
    inside: list[Html] = []
    for one in fields(Attendant)[1:]:
        value = getattr(settings, one.name)
        label = one.name.replace("_", " ").capitalize()
        entries[one.name] = [str(value)] if not isinstance(value, bool) else ["on"] if value else []
        form = Form(entries, {})
        if isinstance(value, bool):
            inside.append(h("div", form.tick(one.name, label), class_="field half"))
        else:
            inside.append(form.text(one.name, label, type_="number", size="half", min="0"))
    lead = Form(entries, {}).choice("automate_processing", "Meeting requests", PROCESSING)
    body = h(
        "form",
        h("div", lead, *inside, class_="fields"),
        h(
            "div",
            h("button", "Save", class_="primary"),
            h("a", "Back to the calendar", href=base(mailbox), class_="button"),
            class_="actions",
        ),
        method="post",
        action=f"{base(mailbox)}rules",
        class_="card",
    )
    about = "How this mailbox answers meeting requests, as Set-CalendarProcessing says it. What is written straight into the calendar is never touched."
    return page(
        "Booking rules",
        h("h1", "Booking rules"),
        h("p", mailbox.name, class_="faint"),
        h("p", about, class_="lead"),
        body,
    )


def _save_rules(store: Store, mailbox: Mailbox, form: Entries) -> Response:
    values: dict[str, Any] = {}
    processing = entered(form, "automate_processing")
    if processing in PROCESSING:
        values["automate_processing"] = processing
    for one in fields(Attendant)[1:]:
        if isinstance(one.default, bool):
            values[one.name] = bool(form.get(one.name))
        elif entered(form, one.name).isdecimal():
            values[one.name] = int(entered(form, one.name))
    store.set_attendant(mailbox.address, **values)
    return redirect(f"{base(mailbox)}?said=rules")


def _item(store: Store, mailbox: Mailbox, entries: Entries) -> Item:
    """Find the item that a page is about; one of another mailbox is as good as none."""
    item = store.item(entered(entries, "id"))
    if item.mailbox_id != mailbox.id:
        raise StoreError("ErrorItemNotFound", "The specified object was not found in the store.")
    return item


def _day(store: Store, mailbox: Mailbox, text: str) -> dt.date:
    """Read a day from an address; today when there is none."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        day = local(store.now(), mailbox).date()
    return min(max(day, dt.date(1900, 1, 8)), dt.date(2199, 12, 1))


def _missing(text: str, mailbox: Mailbox | None = None) -> Response:
    where = base(mailbox) if mailbox else "/"
    name = "Back to the calendar" if mailbox else "To the start page"
    back = h("a", name, href=where, class_="button")
    return page("Not found", h("h1", "Not found"), h("p", text), back, status=404)
