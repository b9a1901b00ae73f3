"""The JSON interface for tests and benchmarks: POST /control/<verb> with a JSON object, one function a verb.

Times are ISO 8601 with an offset. An answer is JSON; a refusal is {"error": {"code", "message"}} with status 400.
Items go by id: that of a single, of a master (the whole series) or of one occurrence.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from apps.sandbox import seed, snapshot, zones
from apps.sandbox.pages import control_microsoft
from apps.sandbox.pages.html import Response
from apps.sandbox.recurrence import Pattern, Recurrence
from apps.sandbox.store import Attendee, Item, PropertyName, Store, StoreError
from apps.sandbox.store.microsoft import Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apps.sandbox.store import Folder, Mailbox

Json = dict[str, Any]
TIMES = frozenset({"start", "end"})


def control(verb: str, given: Mapping[str, Any], store: Store) -> Response:
    """Do what a verb says."""
    if verb not in VERBS:
        return _answer(
            404,
            _error("UnknownVerb", f"There is no {verb!r}. There are: {', '.join(sorted(VERBS))}."),
        )
    try:
        with store.lock:
            return _answer(200, VERBS[verb](store, **given))
    except StoreError as exc:
        return _answer(400, _error(exc.code, exc.message))
    except (TypeError, ValueError, KeyError) as exc:
        return _answer(400, _error("BadArguments", f"{type(exc).__name__}: {exc}"))


def reset(store: Store) -> Json:
    """Throw everything away."""
    store.organisations.clear()
    store.identity = Identity()
    store.index_again()
    store.bump()
    return {}


def fill_demo(store: Store, today: str = "", server: str = seed.DEFAULT_SERVER) -> Json:
    """Make the demo's organisations afresh."""
    seed.fill(store, dt.date.fromisoformat(today) if today else None, server)
    return {"organisations": list(store.organisations)}


def organisation(
    store: Store, domain: str, name: str = "", time_zone: str = "UTC", **more: str
) -> Json:
    """Make an organisation, or an empty one in its place; more: server, tenant_id."""
    where = {"server": "", **more}
    made = store.add_organisation(domain=domain, name=name or domain, time_zone=time_zone, **where)
    return {"domain": made.domain}


def account(
    store: Store, domain: str, name: str, password: str, login: str = "", **more: Any
) -> Json:
    """Make a service account; more: sign_ins, impersonates, rights."""
    short = rf"{domain.split('.', maxsplit=1)[0].upper()}\{name.partition('@')[0]}"
    made = store.add_account(domain, name=name, login=login or short, password=password, **more)
    return {"name": made.name, "login": made.login}


def mailbox(store: Store, domain: str, address: str, name: str = "", **more: Any) -> Json:
    """Make a mailbox; more: kind, time_zone, aliases, hidden."""
    return _mailbox(
        store.add_mailbox(domain, address=address, name=name or address.partition("@")[0], **more)
    )


def replace_mailbox(store: Store, address: str) -> Json:
    """Put another mailbox under the same address."""
    return _mailbox(store.replace_mailbox(address))


def remove_mailbox(store: Store, address: str) -> Json:
    """Delete a mailbox."""
    store.remove_mailbox(address)
    return {}


def room_list(store: Store, domain: str, name: str, address: str, members: list[str]) -> Json:
    """Make a room list."""
    store.add_room_list(domain, name=name, address=address, members=members)
    return {}


def password(store: Store, name: str, password: str) -> Json:
    """Change an account's password."""
    store.set_password(name, password)
    return {}


def rights(store: Store, name: str, address: str, right: Any) -> Json:
    """Give or take a right: none, reviewer or editor."""
    store.set_right(name, address, right)
    return {}


def impersonation(store: Store, name: str, kinds: list[Any]) -> Json:
    """Say which kinds of mailbox the account's role covers."""
    store.set_impersonation(name, kinds)
    return {}


def attendant(store: Store, address: str, **settings: Any) -> Json:
    """Set Set-CalendarProcessing's parameters."""
    store.set_attendant(address, **settings)
    return {}


def book(store: Store, address: str, *, send: bool = False, **fields: Any) -> Json:
    """Write an event straight into a calendar; with `pattern` (and until or count) a series."""
    where = store.mailbox(address)
    zone = zones.windows_name(where.time_zone)
    named = {"start_zone": zone, "end_zone": fields.get("start_zone", zone)} | fields
    return _item(store, store.create(where.calendar.id, _fields(store, named), send=send))


def invite(store: Store, organiser: str, attendees: list[str], **fields: Any) -> Json:
    """Make a meeting in a person's calendar, and send it."""
    return book(store, organiser, send=True, attendees=attendees, **fields)


def change(store: Store, id: str, *, send: bool = False, **fields: Any) -> Json:  # noqa: A002
    """Change fields of an event, of a series or of one occurrence."""
    return _item(store, store.change(id, _fields(store, fields), send=send))


def private(store: Store, id: str, sensitivity: str = "Private") -> Json:  # noqa: A002
    """Make an event private, or what else is said."""
    return change(store, id, sensitivity=sensitivity)


def delete(store: Store, id: str, how: Any = "HardDelete", *, send: bool = False) -> Json:  # noqa: A002
    """Delete; how: HardDelete, SoftDelete or MoveToDeletedItems."""
    gone = store.delete(id, how, send=send)
    return _item(store, gone) if gone else {}


def cancel(store: Store, id: str) -> Json:  # noqa: A002
    """Cancel a meeting as its organiser."""
    store.cancel(id)
    return {}


def respond(store: Store, id: str, reply: Any) -> Json:  # noqa: A002
    """Answer a meeting: Accept, Tentative or Decline."""
    store.respond(id, reply)
    return {}


def copy(store: Store, id: str) -> Json:  # noqa: A002
    """Copy an event."""
    return _item(store, store.copy(id))


def refile(store: Store, id: str, folder: Any) -> Json:  # noqa: A002
    """Move to another folder of its mailbox: calendar, deleteditems or other."""
    target = store.mailbox_of(store.item(id)).folders[folder]
    return _item(store, store.move(id, target.id))


def restore(store: Store, id: str) -> Json:  # noqa: A002
    """Move back into the calendar."""
    return _item(store, store.restore(id))


def item(store: Store, id: str) -> Json:  # noqa: A002
    """Read one item."""
    return _item(store, store.item(id))


def occurrence(store: Store, id: str, index: int) -> Json:  # noqa: A002
    """Read an occurrence of a master by its number."""
    return _item(store, store.occurrence(id, index))


def items(
    store: Store, address: str, folder: Any = "calendar", start: str = "", end: str = ""
) -> Json:
    """Read back what lies in a folder; with a window also its occurrences, and the intervals that they block."""
    where = store.mailbox(address)
    found: Json = {"items": [_item(store, one) for one in _folder(where, folder).items]}
    if start and end:
        window = _moment(start), _moment(end)
        view = store.view(_folder(where, folder).id, *window)
        found["occurrences"] = [_item(store, one) for one in view.items]
        found["blocking"] = [
            [a.isoformat(), b.isoformat()] for a, b in store.blocking(where, *window)
        ]
    return found


def fill(
    store: Store,
    address: str,
    count: int,
    start: str,
    minutes: int = 30,
    apart: int = 60,
    subject: str = "Event",
) -> Json:
    """Write many singles, `apart` minutes from start to start."""
    where = store.mailbox(address)
    first, zone = _moment(start), zones.windows_name(where.time_zone)
    for number in range(count):
        begin = first + dt.timedelta(minutes=apart * number)
        fields = {
            "subject": f"{subject} {number}",
            "start": begin,
            "end": begin + dt.timedelta(minutes=minutes),
        }
        store.create(where.calendar.id, fields | {"start_zone": zone, "end_zone": zone})
    return {"count": len(where.calendar.slots)}


def outbox(store: Store, domain: str, *, clear: bool = False) -> Json:
    """Read the mails that left an organisation's mailboxes."""
    box = store.organisation(domain).outbox
    mails = [snapshot.encode(mail) for mail in box]
    if clear:
        box.clear()
    return {"mails": mails}


def clock(store: Store, now: str = "") -> Json:
    """Set the clock, which goes on from there; without a time it is the machine's again."""
    store.set_clock(_moment(now) if now else None)
    return {"now": store.now().isoformat()}


def forget_sync_states(store: Store, address: str) -> Json:
    """Make every sync state of a calendar invalid."""
    store.forget_sync_states(store.mailbox(address).calendar.id)
    return {}


VERBS: dict[str, Callable[..., Json]] = {
    "reset": reset, "demo": fill_demo, "organisation": organisation, "account": account, "mailbox": mailbox,
    "replace_mailbox": replace_mailbox, "remove_mailbox": remove_mailbox, "room_list": room_list, "password": password,
    "rights": rights, "impersonation": impersonation, "attendant": attendant, "book": book, "book_series": book,
    "invite": invite, "change": change, "move": change, "private": private, "delete": delete, "cancel": cancel,
    "respond": respond, "copy": copy, "refile": refile, "restore": restore, "item": item, "occurrence": occurrence,
    "items": items, "fill": fill, "outbox": outbox, "clock": clock, "forget_sync_states": forget_sync_states,
    **control_microsoft.VERBS,
}  # fmt: skip


def _fields(store: Store, given: Json) -> Json:
    """Turn JSON into the store's fields."""
    fields = dict(given)
    for name in TIMES & fields.keys():
        fields[name] = _moment(fields[name])
    if "attendees" in fields:
        fields["attendees"] = tuple(_attendee(store, one) for one in fields["attendees"])
    if "categories" in fields:
        fields["categories"] = tuple(fields["categories"])
    if "extended" in fields:
        fields["extended"] = {
            PropertyName(one["set_id"], one["name"]): one["value"] for one in fields["extended"]
        }
    until, count = fields.pop("until", None), fields.pop("count", None)
    if "pattern" in fields:
        pattern = dict(fields.pop("pattern"))
        starts = pattern.pop("start_on", None)
        first = dt.date.fromisoformat(starts) if starts else _local_day(fields)
        fields["recurrence"] = Recurrence(
            pattern=Pattern(**{**pattern, "days": tuple(pattern.get("days", ()))}),
            start=first,
            end=dt.date.fromisoformat(until) if until else None,
            count=count,
        )
    return fields


def _local_day(fields: Json) -> dt.date:
    start: dt.datetime = fields["start"]
    return start.astimezone(zones.zone(fields.get("start_zone", zones.UTC))).date()


def _attendee(store: Store, address: str) -> Attendee:
    found = store.find_mailbox(address)
    role = "Resource" if found is not None and found.kind in {"room", "equipment"} else "Required"
    return Attendee(name=found.name if found else address, address=address, role=role)


def _moment(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return moment.astimezone(dt.UTC)


def _folder(where: Mailbox, folder: Any) -> Folder:
    return where.folders[folder]


def _mailbox(made: Mailbox) -> Json:
    folders = {role: folder.id for role, folder in made.folders.items()}
    return {"address": made.address, "mailbox_id": made.id, "folders": folders}


def _item(store: Store, one: Item) -> Json:
    shown: Json = {
        name: getattr(one, name)
        for name in (
            "id", "change_key", "kind", "uid", "subject", "body", "sensitivity", "show_as", "all_day", "start_zone",
            "end_zone", "location", "is_cancelled", "is_meeting", "my_response", "blocks", "master_id", "index",
        )
    }  # fmt: skip
    shown |= {
        name: getattr(one, name).isoformat()
        for name in ("start", "end", "created_at", "modified_at")
    }
    shown["original_start"] = one.original_start.isoformat() if one.original_start else None
    shown["organizer"] = one.organizer.address
    shown["attendees"] = [
        {"address": who.address, "response": who.response} for who in one.attendees
    ]
    shown["folder"] = store.folder(one.folder_id).role
    shown["recurrence"] = snapshot.encode(one.recurrence)
    shown["exceptions"], shown["deleted"] = sorted(one.overrides), sorted(one.deleted)
    shown["extended"] = [
        {"set_id": key.set_id, "name": key.name, "value": value}
        for key, value in one.extended.items()
    ]
    return shown


def _error(code: str, message: str) -> Json:
    return {"error": {"code": code, "message": message}}


def _answer(status: int, body: Json) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(body).encode())
