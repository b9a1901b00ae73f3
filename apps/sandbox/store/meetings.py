"""Meetings: invitations, answers and cancellations go between the mailboxes of an organisation, as mail does.

`create`, `change` and `delete` are what clients do; each says whether mail is to be sent.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from apps.sandbox.attendant import Answer, Interval, answer, stripped
from apps.sandbox.store import ids, series
from apps.sandbox.store.errors import StoreError
from apps.sandbox.store.model import Attendee, Item, Mail, Mailbox, Response
from apps.sandbox.store.sync import Sync

if TYPE_CHECKING:
    from apps.sandbox.store.items import Disposal, Fields, Resolution

Reply = Literal["Accept", "Tentative", "Decline"]
SHOWN_TO_ROOMS = 400  # occurrences of a series that an attendant looks at
# What a request carries over into an attendee's copy.
CARRIED = (
    "subject", "body", "body_type", "sensitivity", "importance", "show_as", "all_day", "start", "end", "start_zone",
    "end_zone", "location", "attendees", "recurrence",
)  # fmt: skip


class Meetings(Sync):
    """The store as clients see it."""

    def create(
        self, folder_id: str, fields: Fields, *, send: bool = False, transaction_id: str = ""
    ) -> Item:
        """Create an item. `fields` are those of `shaping.SETTABLE`, and `uid`. With `send` its attendees are invited."""
        with self.lock:
            item = self.write_new(folder_id, fields, transaction_id=transaction_id)
            if send:
                self._invite(item, item.attendees, "request")
            return self.item(item.id)

    def change(
        self,
        item_id: str,
        fields: Fields,
        *,
        change_key: str | None = None,
        resolution: Resolution = "AlwaysOverwrite",
        send: bool = False,
        changed_only: bool = False,
    ) -> Item:
        """Change an item; see `write`. With `send` its attendees get the update; `changed_only`: those who are new."""
        with self.lock:
            before = self.item(item_id)
            item = self.write(item_id, fields, change_key=change_key, resolution=resolution)
            if send and item.my_response == "Organizer":
                gone = {one.address.lower() for one in before.attendees}
                gone -= {one.address.lower() for one in item.attendees}
                self._withdraw(
                    before, [one for one in before.attendees if one.address.lower() in gone]
                )
                known = {one.address.lower() for one in before.attendees} if changed_only else set()
                told = tuple(one for one in item.attendees if one.address.lower() not in known)
                self._invite(item, told, "request" if changed_only else "update")
            return self.item(item_id)

    def delete(
        self,
        item_id: str,
        how: Disposal = "HardDelete",
        *,
        change_key: str | None = None,
        send: bool = False,
    ) -> Item | None:
        """Delete an item. With `send` the organiser's attendees get a cancellation, an attendee's organiser a decline.

        What does not lie in the calendar any more is deleted without a word.
        """
        with self.lock:
            item = self.item(item_id)
            send = send and item.folder_id == self.mailbox_of(item).calendar.id
            gone = self.write_gone(item_id, how, change_key=change_key)
            if send and item.my_response == "Organizer":
                self._withdraw(item, item.attendees)
            elif send and item.was_received and not item.is_cancelled:
                self._answer_mail(item, "Decline", "")
            return gone

    def cancel(self, item_id: str, body: str = "") -> None:
        """Cancel a meeting as its organiser: attendees are told, and it leaves the organiser's calendar.

        Raises StoreError ErrorCalendarIsNotOrganizer.
        """
        with self.lock:
            item = self.item(item_id)
            if item.my_response != "Organizer" or not item.attendees:
                text = "You must be the organizer of the meeting to cancel it."
                raise StoreError("ErrorCalendarIsNotOrganizer", text)
            self._withdraw(item, item.attendees, body)
            self.write_gone(item_id, "MoveToDeletedItems")

    def respond(self, item_id: str, reply: Reply, *, body: str = "", send: bool = True) -> Item:
        """Answer a meeting as an attendee; a declined one goes to Deleted Items. Answers the item as it was or is.

        Raises StoreError ErrorCalendarIsOrganizerForDecline (or …Accept, …Tentative) when nobody else organises it,
        and ErrorCalendarIsCancelledForDecline when it is cancelled.
        """
        with self.lock:
            item = self.item(item_id)
            if not item.was_received:
                text = "You are the organizer; only attendees can answer."
                raise StoreError(f"ErrorCalendarIsOrganizerFor{reply}", text)
            if item.is_cancelled:
                raise StoreError(f"ErrorCalendarIsCancelledFor{reply}", "The meeting is cancelled.")
            if send:
                self._answer_mail(item, reply, body)
            if reply == "Decline":
                self.write_gone(item_id, "MoveToDeletedItems")
                return item
            show_as = "Tentative" if reply == "Tentative" else "Busy"
            return self.write(item_id, {"show_as": show_as}, my_response=reply)

    def set_attendant(self, address: str, **settings: Any) -> None:
        """Set some of a mailbox's Set-CalendarProcessing parameters."""
        with self.lock:
            mailbox = self.mailbox(address)
            mailbox.attendant = replace(mailbox.attendant, **settings)
            self.bump()

    def copy_in(self, mailbox: Mailbox, uid: str) -> Item | None:
        """Find a meeting in somebody's calendar by its UID."""
        return next((one for one in mailbox.calendar.items if one.uid == uid), None)

    def _invite(self, item: Item, attendees: tuple[Attendee, ...], kind: str) -> None:
        for attendee in attendees:
            mailbox = self.find_mailbox(attendee.address)
            if mailbox is not None and mailbox.id == item.mailbox_id:
                continue
            self._mail(item.organizer.address, attendee.address, kind, item)
            if mailbox is not None:
                self._deliver(mailbox, item)

    def _deliver(self, mailbox: Mailbox, request: Item) -> None:
        """Put a request into an attendee's calendar, and let the attendant of a room do its part."""
        outside = mailbox.organisation != self.mailbox_of(request).organisation
        settings = mailbox.attendant
        if mailbox.kind != "user" and settings.automate_processing == "None":
            return
        if mailbox.kind != "user" and outside and not settings.process_external_meeting_messages:
            return
        copy = self._tentative(mailbox, request)
        if mailbox.kind == "user":
            return
        wanted = self._wanted(copy)
        verdict = answer(settings, copy, wanted, self._busy(mailbox, copy, wanted), self.now())
        self._settle(mailbox, copy, verdict)

    def _tentative(self, mailbox: Mailbox, request: Item) -> Item:
        """Write or refresh the attendee's copy, not answered yet."""
        fields = {name: getattr(request, name) for name in CARRIED}
        fields["show_as"] = "Free" if request.show_as == "Free" else "Tentative"
        inner: dict[str, Any] = {"my_response": "NoResponseReceived", "was_received": True}
        there = self.copy_in(mailbox, request.uid)
        if request.index and there is not None and there.recurrence is not None:
            del fields["recurrence"]
            return self.write(ids.occurrence_id(there.id, request.index), fields, **inner)
        inner |= {"overrides": request.overrides, "deleted": request.deleted}
        if there is not None:
            return self.write(there.id, fields, is_cancelled=False, **inner)
        fields["uid"] = request.uid
        return self.write_new(mailbox.calendar.id, fields, organizer=request.organizer, **inner)

    def _wanted(self, copy: Item) -> list[tuple[int, Interval]]:
        if copy.recurrence is None:
            return [(copy.index, (copy.start, copy.end))]
        return [(one.index, (one.start, one.end)) for one in series.all_of(copy, SHOWN_TO_ROOMS)]

    def _busy(
        self, mailbox: Mailbox, copy: Item, wanted: list[tuple[int, Interval]]
    ) -> list[Interval]:
        if not wanted:
            return []
        start, end = min(one[1][0] for one in wanted), max(one[1][1] for one in wanted)
        found: list[Interval] = []
        for item in mailbox.calendar.items:
            if item.uid == copy.uid:
                continue
            whole = [item] if item.recurrence is None else series.between(item, start, end)
            found += [(one.start, one.end) for one in whole if one.blocks]
        return found

    def _settle(self, mailbox: Mailbox, copy: Item, verdict: Answer) -> None:
        if verdict.response == "NoResponseReceived":
            return
        self._answer_mail(copy, verdict.response, verdict.reason)
        if verdict.response == "Decline":
            self.write_gone(copy.id)
            return
        clean = stripped(mailbox.attendant, copy)
        fields = {name: getattr(clean, name) for name in ("subject", "body", "sensitivity")}
        fields["show_as"] = "Free" if copy.show_as == "Free" else "Busy"
        self.write(copy.id, fields, my_response=verdict.response)
        for number in sorted(verdict.declined):
            occurrence = self.occurrence(copy.id, number)
            self._answer_mail(occurrence, "Decline", "The room is booked at that time.")
            self.write_gone(occurrence.id)

    def _withdraw(
        self, item: Item, attendees: tuple[Attendee, ...] | list[Attendee], body: str = ""
    ) -> None:
        """Tell attendees that a meeting, or one occurrence of it, is cancelled."""
        for attendee in attendees:
            mailbox = self.find_mailbox(attendee.address)
            if mailbox is not None and mailbox.id == item.mailbox_id:
                continue
            self._mail(item.organizer.address, attendee.address, "cancellation", item, body)
            there = self.copy_in(mailbox, item.uid) if mailbox else None
            if mailbox is None or there is None:
                continue
            self._take_back(mailbox, there, item.index)

    def _take_back(self, mailbox: Mailbox, there: Item, index: int) -> None:
        alone = index and there.recurrence is not None
        if alone and index in there.deleted:
            return
        target = ids.occurrence_id(there.id, index) if alone else there.id
        settings = mailbox.attendant
        if mailbox.kind != "user" and settings.automate_processing == "None":
            return
        if mailbox.kind != "user" and settings.remove_canceled_meetings:
            self.write_gone(target)
            return
        subject = f"Canceled: {self.item(target).subject}"
        self.write(target, {"subject": subject, "show_as": "Free"}, is_cancelled=True)

    def _answer_mail(self, item: Item, reply: Response, body: str) -> None:
        """Mail the organiser, and note the answer in the organiser's copy."""
        mailbox = self.mailbox_of(item)
        self._mail(mailbox.address, item.organizer.address, reply.lower(), item, body)
        organiser = self.find_mailbox(item.organizer.address)
        there = self.copy_in(organiser, item.uid) if organiser else None
        if there is None or there.my_response != "Organizer":
            return
        alone = item.index and there.recurrence is not None and item.index not in there.deleted
        target = self.occurrence(there.id, item.index) if alone else there
        known = {mailbox.address.lower(), *(one.lower() for one in mailbox.aliases)}
        attendees = tuple(
            replace(one, response=reply, responded_at=self.now())
            if one.address.lower() in known
            else one
            for one in target.attendees
        )
        self.write(target.id, {"attendees": attendees})

    def _mail(self, sender: str, to: str, kind: str, item: Item, body: str = "") -> None:
        mailbox = self.mailbox_of(item)
        self.organisation(mailbox.organisation).outbox.append(
            Mail(
                sent_at=self.now(),
                sender=sender,
                to=to,
                kind=kind,
                subject=item.subject,
                uid=item.uid,
                body=body,
            )
        )
        self.bump()
