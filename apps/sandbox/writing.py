"""How a diary gets into calendars: days counted from one day, wall times in the mailbox's zone."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from apps.sandbox import zones
from apps.sandbox.diary import Plan, plan
from apps.sandbox.recurrence import WEEK, Pattern, Recurrence
from apps.sandbox.store import Attendee

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apps.sandbox.store import Item, Mailbox, Store


class Diary:
    """Writes plans into calendars, days counted from one day."""

    def __init__(self, store: Store, domain: str, today: dt.date) -> None:
        self.store, self.domain, self.today = store, domain, today

    def write(
        self,
        singles: Iterable[Plan],
        all_day: Iterable[Plan],
        weekly: Iterable[tuple[Plan, int, int, int]],
    ) -> None:
        """Write events. A weekly one: which occurrence is moved by how many minutes, and which is deleted."""
        for one in singles:
            self._single(one)
        for one in all_day:
            self._all_day(one)
        for one, moved, by_minutes, deleted in weekly:
            self._weekly(one, moved, by_minutes, deleted)

    def invite(
        self,
        organiser: str,
        rooms: tuple[str, ...],
        day: int,
        start: str,
        end: str,
        subject: str,
        others: tuple[str, ...],
    ) -> Item:
        """Write a meeting into its organiser's calendar, and send it."""
        mailbox = self._mailbox(organiser)
        attendees = [self._attendee(one, "Required") for one in others]
        attendees += [self._attendee(one, "Resource") for one in rooms]
        fields = self._times(mailbox, plan(organiser, day, start, end, subject)) | {
            "subject": subject,
            "location": ", ".join(self._mailbox(one).name for one in rooms),
            "attendees": tuple(attendees),
        }
        return self.store.create(mailbox.calendar.id, fields, send=True)

    def _single(self, one: Plan) -> None:
        mailbox = self._mailbox(one.mailbox)
        fields = self._times(mailbox, one) | {"subject": one.subject} | one.rest
        self.store.create(mailbox.calendar.id, fields)

    def _all_day(self, one: Plan) -> None:
        mailbox = self._mailbox(one.mailbox)
        zone = ZoneInfo(mailbox.time_zone)
        first = self.today + dt.timedelta(days=one.day)
        last = first + dt.timedelta(days=one.rest["days"])
        fields = {
            "subject": one.subject,
            "all_day": True,
            "show_as": one.rest.get("show_as", "Busy"),
            "start": dt.datetime.combine(first, dt.time(0), tzinfo=zone).astimezone(dt.UTC),
            "end": dt.datetime.combine(last, dt.time(0), tzinfo=zone).astimezone(dt.UTC),
            "start_zone": zones.windows_name(mailbox.time_zone),
            "end_zone": zones.windows_name(mailbox.time_zone),
        }
        self.store.create(mailbox.calendar.id, fields)

    def _weekly(self, one: Plan, moved: int, by_minutes: int, deleted: int) -> None:
        """A series that began three weeks ago; `moved` and `deleted` count weeks from the plan's day on."""
        mailbox = self._mailbox(one.mailbox)
        first = self.today + dt.timedelta(days=one.day - 21)
        begun = plan(one.mailbox, one.day - 21, one.start, one.end, one.subject)
        rule = Pattern(kind="Weekly", days=(WEEK[first.weekday()],), first_day="Monday")
        fields = self._times(mailbox, begun) | {
            "subject": one.subject,
            "recurrence": Recurrence(pattern=rule, start=first, count=26),
        }
        master = self.store.create(mailbox.calendar.id, fields)
        occurrence = self.store.occurrence(master.id, 4 + moved)
        shift = dt.timedelta(minutes=by_minutes)
        self.store.change(
            occurrence.id, {"start": occurrence.start + shift, "end": occurrence.end + shift}
        )
        self.store.delete(self.store.occurrence(master.id, 4 + deleted).id)

    def _times(self, mailbox: Mailbox, one: Plan) -> dict[str, Any]:
        """Place wall times of the mailbox's zone; the event says that it was made in the plan's zone."""
        zone = ZoneInfo(mailbox.time_zone)
        day = self.today + dt.timedelta(days=one.day)
        made_in = zones.windows_name(one.zone or mailbox.time_zone)

        def at(clock: str) -> dt.datetime:
            time = dt.time.fromisoformat(clock)
            return dt.datetime.combine(day, time, tzinfo=zone).astimezone(dt.UTC)

        return {
            "start": at(one.start),
            "end": at(one.end),
            "start_zone": made_in,
            "end_zone": made_in,
        }

    def _attendee(self, local: str, role: str) -> Attendee:
        mailbox = self._mailbox(local)
        return Attendee(name=mailbox.name, address=mailbox.address, role=role)

    def _mailbox(self, local: str) -> Mailbox:
        return self.store.mailbox(f"{local}@{self.domain}")
