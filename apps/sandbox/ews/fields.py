"""Every property of a calendar item that can be shown, in the schema's order."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.sandbox.bodies import converted
from apps.sandbox.ews import recurrences, soap
from apps.sandbox.ews.folders import effective_rights
from apps.sandbox.store import Attendee, Item, series

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.sandbox.store.microsoft import Right


@dataclass(frozen=True, slots=True)
class Showing:
    """An item that is being shown, and how."""

    item: Item
    right: Right
    in_list: bool
    longest: int | None
    body_type: str


@dataclass(frozen=True, slots=True)
class Property:
    """A property: the path that asks for it, how to write it ("" when the item lacks it), and whether lists have it."""

    uri: str
    show: Callable[[Showing], str]
    in_lists: bool = True


def instant(moment: dt.datetime) -> str:
    """Write a time in UTC, to the second."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _string(name: str, read: Callable[[Item], str]) -> Callable[[Showing], str]:
    def show(showing: Showing) -> str:
        value = read(showing.item)
        return f"<t:{name}>{soap.text(value[: showing.longest])}</t:{name}>" if value else ""

    return show


def _plain(name: str, read: Callable[[Item], object]) -> Callable[[Showing], str]:
    """Values that need no escaping: numbers and enumerations; booleans as the schema spells them."""

    def show(showing: Showing) -> str:
        value = read(showing.item)
        if value is None:
            return ""
        return f"<t:{name}>{str(value).lower() if isinstance(value, bool) else value}</t:{name}>"

    return show


def _time(name: str, read: Callable[[Item], dt.datetime | None]) -> Callable[[Showing], str]:
    def show(showing: Showing) -> str:
        value = read(showing.item)
        return f"<t:{name}>{instant(value)}</t:{name}>" if value is not None else ""

    return show


def _zone(name: str, read: Callable[[Item], str]) -> Callable[[Showing], str]:
    def show(showing: Showing) -> str:
        zone = soap.attribute(read(showing.item))
        return f'<t:{name} Id="{zone}" Name="{zone}"/>'

    return show


def _attendees(name: str, role: str) -> Callable[[Showing], str]:
    def show(showing: Showing) -> str:
        shown = "".join(_attendee(one) for one in showing.item.attendees if one.role == role)
        return f"<t:{name}>{shown}</t:{name}>" if shown else ""

    return show


def mailbox(name: str, address: str) -> str:
    """Write the content of a Mailbox."""
    return (
        f"<t:Name>{soap.text(name)}</t:Name><t:EmailAddress>{soap.text(address)}</t:EmailAddress>"
        "<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType>"
    )


def _attendee(one: Attendee) -> str:
    answered = (
        f"<t:LastResponseTime>{instant(one.responded_at)}</t:LastResponseTime>"
        if one.responded_at
        else ""
    )
    return (
        f"<t:Attendee><t:Mailbox>{mailbox(one.name, one.address)}</t:Mailbox>"
        f"<t:ResponseType>{one.response}</t:ResponseType>{answered}</t:Attendee>"
    )


def _organizer(showing: Showing) -> str:
    person = showing.item.organizer
    if showing.in_list:
        shown = f"<t:Name>{soap.text(person.name)}</t:Name>"
    else:
        shown = mailbox(person.name, person.address)
    return f"<t:Organizer><t:Mailbox>{shown}</t:Mailbox></t:Organizer>"


def _body(name: str, kind: str = "") -> Callable[[Showing], str]:
    def show(showing: Showing) -> str:
        wanted = kind or showing.body_type
        if wanted == "Best":
            wanted = showing.item.body_type
        shown = converted(showing.item.body, showing.item.body_type, wanted)
        return f'<t:{name} BodyType="{wanted}">{soap.text(shown)}</t:{name}>'

    return show


def _categories(showing: Showing) -> str:
    if not showing.item.categories:
        return ""
    shown = "".join(f"<t:String>{soap.text(one)}</t:String>" for one in showing.item.categories)
    return f"<t:Categories>{shown}</t:Categories>"


def _response_objects(showing: Showing) -> str:
    item = showing.item
    names: tuple[str, ...] = ("ForwardItem",)
    if item.was_received and not item.is_cancelled:
        names = ("AcceptItem", "TentativelyAcceptItem", "DeclineItem", *names)
    elif item.attendees:
        names = ("CancelCalendarItem", *names)
    return f"<t:ResponseObjects>{''.join(f'<t:{name}/>' for name in names)}</t:ResponseObjects>"


def _recurrence(showing: Showing) -> str:
    item = showing.item
    return recurrences.show(item.recurrence, item.start_zone) if item.recurrence else ""


def _occurrence(name: str, one: Item) -> str:
    original = one.original_start or one.start
    return (
        f'<t:{name}><t:ItemId Id="{one.id}" ChangeKey="{one.change_key}"/><t:Start>{instant(one.start)}</t:Start>'
        f"<t:End>{instant(one.end)}</t:End><t:OriginalStart>{instant(original)}</t:OriginalStart></t:{name}>"
    )


def _end_of_series(name: str, which: int) -> Callable[[Showing], str]:
    def show(showing: Showing) -> str:
        if showing.item.recurrence is None:
            return ""
        one = series.first_and_last(showing.item)[which]
        return _occurrence(name, one) if one else ""

    return show


def _modified(showing: Showing) -> str:
    if not showing.item.overrides:
        return ""
    shown = "".join(_occurrence("Occurrence", one) for one in series.exceptions(showing.item))
    return f"<t:ModifiedOccurrences>{shown}</t:ModifiedOccurrences>"


def _deleted(showing: Showing) -> str:
    if not showing.item.deleted:
        return ""
    shown = "".join(
        f"<t:DeletedOccurrence><t:Start>{instant(start)}</t:Start></t:DeletedOccurrence>"
        for start in series.deleted_starts(showing.item)
    )
    return f"<t:DeletedOccurrences>{shown}</t:DeletedOccurrences>"


def _duration(item: Item) -> str:
    minutes = int((item.end - item.start).total_seconds() // 60)
    return f"PT{minutes // 60}H{minutes % 60}M"


def _when(item: Item) -> str:
    return f"{item.start:%d %B %Y %H:%M}-{item.end:%H:%M} (UTC)" if item.is_meeting else ""


PROPERTIES: tuple[Property, ...] = (
    Property(
        "item:ParentFolderId", lambda showing: f'<t:ParentFolderId Id="{showing.item.folder_id}"/>'
    ),
    Property("item:ItemClass", _plain("ItemClass", lambda item: "IPM.Appointment")),
    Property("item:Subject", _string("Subject", lambda item: item.subject)),
    Property("item:Sensitivity", _plain("Sensitivity", lambda item: item.sensitivity)),
    Property("item:Body", _body("Body"), in_lists=False),
    Property("item:DateTimeReceived", _time("DateTimeReceived", lambda item: item.created_at)),
    Property("item:Size", _plain("Size", lambda item: 1000 + len(item.body))),
    Property("item:Categories", _categories),
    Property("item:Importance", _plain("Importance", lambda item: item.importance)),
    Property("item:IsSubmitted", _plain("IsSubmitted", lambda item: False)),
    Property("item:IsDraft", _plain("IsDraft", lambda item: False)),
    Property("item:IsFromMe", _plain("IsFromMe", lambda item: False)),
    Property("item:IsResend", _plain("IsResend", lambda item: False)),
    Property("item:IsUnmodified", _plain("IsUnmodified", lambda item: False)),
    Property("item:DateTimeSent", _time("DateTimeSent", lambda item: item.created_at)),
    Property("item:DateTimeCreated", _time("DateTimeCreated", lambda item: item.created_at)),
    Property("item:ResponseObjects", _response_objects, in_lists=False),
    Property("item:ReminderDueBy", _time("ReminderDueBy", lambda item: item.start)),
    Property("item:ReminderIsSet", _plain("ReminderIsSet", lambda item: item.reminder_is_set)),
    Property(
        "item:ReminderMinutesBeforeStart",
        _plain("ReminderMinutesBeforeStart", lambda item: item.reminder_minutes),
    ),
    Property(
        "item:DisplayTo",
        _string(
            "DisplayTo",
            lambda item: "; ".join(one.name for one in item.attendees if one.role == "Required"),
        ),
    ),
    Property("item:HasAttachments", _plain("HasAttachments", lambda item: False)),
    Property("item:Culture", _plain("Culture", lambda item: "en-US")),
    Property("item:EffectiveRights", lambda showing: effective_rights(showing.right)),
    Property(
        "item:LastModifiedName", _string("LastModifiedName", lambda item: item.organizer.name)
    ),
    Property("item:LastModifiedTime", _time("LastModifiedTime", lambda item: item.modified_at)),
    Property("item:IsAssociated", _plain("IsAssociated", lambda item: False)),
    Property("item:UniqueBody", _body("UniqueBody"), in_lists=False),
    Property("item:NormalizedBody", _body("NormalizedBody"), in_lists=False),
    Property("item:TextBody", _body("TextBody", "Text"), in_lists=False),
    Property("calendar:UID", _string("UID", lambda item: item.uid)),
    Property("calendar:RecurrenceId", _time("RecurrenceId", lambda item: item.original_start)),
    Property("calendar:DateTimeStamp", _time("DateTimeStamp", lambda item: item.modified_at)),
    Property("calendar:Start", _time("Start", lambda item: item.start)),
    Property("calendar:End", _time("End", lambda item: item.end)),
    Property("calendar:OriginalStart", _time("OriginalStart", lambda item: item.original_start)),
    Property("calendar:IsAllDayEvent", _plain("IsAllDayEvent", lambda item: item.all_day)),
    Property(
        "calendar:LegacyFreeBusyStatus", _plain("LegacyFreeBusyStatus", lambda item: item.show_as)
    ),
    Property("calendar:Location", _string("Location", lambda item: item.location)),
    Property("calendar:When", _string("When", _when)),
    Property("calendar:IsMeeting", _plain("IsMeeting", lambda item: item.is_meeting)),
    Property("calendar:IsCancelled", _plain("IsCancelled", lambda item: item.is_cancelled)),
    Property("calendar:IsRecurring", _plain("IsRecurring", lambda item: item.is_recurring)),
    Property(
        "calendar:MeetingRequestWasSent",
        _plain("MeetingRequestWasSent", lambda item: item.is_meeting),
    ),
    Property("calendar:IsResponseRequested", _plain("IsResponseRequested", lambda item: True)),
    Property("calendar:CalendarItemType", _plain("CalendarItemType", lambda item: item.kind)),
    Property("calendar:MyResponseType", _plain("MyResponseType", lambda item: item.my_response)),
    Property("calendar:Organizer", _organizer),
    Property(
        "calendar:RequiredAttendees", _attendees("RequiredAttendees", "Required"), in_lists=False
    ),
    Property(
        "calendar:OptionalAttendees", _attendees("OptionalAttendees", "Optional"), in_lists=False
    ),
    Property("calendar:Resources", _attendees("Resources", "Resource"), in_lists=False),
    Property("calendar:Duration", _plain("Duration", _duration)),
    Property("calendar:TimeZone", _string("TimeZone", lambda item: item.start_zone)),
    Property(
        "calendar:AppointmentSequenceNumber",
        _plain("AppointmentSequenceNumber", lambda item: item.sequence),
    ),
    Property(
        "calendar:AppointmentState", _plain("AppointmentState", lambda item: item.appointment_state)
    ),
    Property("calendar:Recurrence", _recurrence, in_lists=False),
    Property("calendar:FirstOccurrence", _end_of_series("FirstOccurrence", 0), in_lists=False),
    Property("calendar:LastOccurrence", _end_of_series("LastOccurrence", 1), in_lists=False),
    Property("calendar:ModifiedOccurrences", _modified, in_lists=False),
    Property("calendar:DeletedOccurrences", _deleted, in_lists=False),
    Property("calendar:StartTimeZone", _zone("StartTimeZone", lambda item: item.start_zone)),
    Property("calendar:EndTimeZone", _zone("EndTimeZone", lambda item: item.end_zone)),
    Property("calendar:AllowNewTimeProposal", _plain("AllowNewTimeProposal", lambda item: True)),
    Property("calendar:IsOnlineMeeting", _plain("IsOnlineMeeting", lambda item: False)),
    Property("calendar:StartTimeZoneId", _string("StartTimeZoneId", lambda item: item.start_zone)),
    Property("calendar:EndTimeZoneId", _string("EndTimeZoneId", lambda item: item.end_zone)),
)
