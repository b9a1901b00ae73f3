"""Calendars themselves.

Sources: learn.microsoft.com/graph/api/calendar-get, …/user-list-calendars, …/resources/event (its relationship `calendar`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.sandbox.graph import ids, lists
from apps.sandbox.graph.call import CALENDARS, Answer, Call

if TYPE_CHECKING:
    from apps.sandbox.store import Folder


def get_calendar(call: Call) -> Answer:
    """Answer GET calendar and GET calendars/{id}."""
    folder = call.readable()
    shown = _selected(call, _calendar(call, folder))
    return Answer(content={"@odata.context": f"{lists.context(call, 'calendar')}/$entity", **shown})


def calendar_of_event(call: Call) -> Answer:
    """Answer GET events/{id}/calendar: the one in which the event lies now."""
    home = call.readable()
    item = call.item(home)
    folders = call.store.mailbox_of(home).folders.values()
    folder = next(one for one in folders if one.id == item.folder_id)
    shown = _selected(call, _calendar(call, folder))
    return Answer(content={"@odata.context": f"{lists.context(call, 'calendar')}/$entity", **shown})


def list_calendars(call: Call) -> Answer:
    """Answer GET calendars."""
    call.readable()
    mailbox = call.mailbox()
    folders = [mailbox.folders[role] for role in CALENDARS]  # type: ignore[index]
    shown = [_selected(call, _calendar(call, folder)) for folder in folders]
    return Answer(content={"@odata.context": lists.context(call, "calendars"), "value": shown})


def _calendar(call: Call, folder: Folder) -> dict[str, Any]:
    mailbox = call.mailbox()
    return {
        "id": ids.rest(folder.id),
        "name": folder.name,
        "color": "auto",
        "hexColor": "",
        "isDefaultCalendar": folder.role == "calendar",
        "changeKey": folder.change_key,
        "canShare": call.right() == "editor",
        "canViewPrivateItems": True,
        "canEdit": call.right() == "editor",
        "allowedOnlineMeetingProviders": ["teamsForBusiness"],
        "defaultOnlineMeetingProvider": "teamsForBusiness",
        "isTallyingResponses": folder.role == "calendar",
        "isRemovable": folder.role != "calendar",
        "owner": {"name": mailbox.name, "address": mailbox.address},
    }


def _selected(call: Call, shown: dict[str, Any]) -> dict[str, Any]:
    select = {one.strip().lower() for one in call.argument("$select").split(",") if one.strip()}
    if not select:
        return shown
    return {name: value for name, value in shown.items() if name.lower() in {"id", *select}}
