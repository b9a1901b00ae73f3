"""What the executor makes of a plan, on the planner's plain values."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from apps.exchange.calendar import Content, EventKey, EventRef
from apps.sync import operations as op
from apps.sync.facts import Link, LinkState, Local, Origin, Policy, Remote, RemoteState, Status
from apps.sync.fingerprint import rest_part, time_part
from tests.sync.plain import NOW, plan_of, printed, remote

State = tuple[list[Local], list[Remote], list[Link]]


@dataclass
class Sides:
    bookings: dict[int, Local]
    events: dict[EventKey, Remote]
    links: dict[int, Link]

    @classmethod
    def of(cls, state: State) -> Sides:
        bookings, events, links = state
        return cls(
            {booking.id: booking for booking in bookings},
            {event.key: event for event in events},
            {link.id: link for link in links},
        )

    @property
    def state(self) -> State:
        return list(self.bookings.values()), list(self.events.values()), list(self.links.values())

    def apply(self, planned: op.Plan) -> None:
        for operation in planned.operations:
            booking = self.bookings.get(getattr(operation, "booking_id", 0) or 0)
            revision = getattr(operation, "revision", None)
            if (
                isinstance(operation, op.Agree)
                or booking is None
                or revision
                in {
                    None,
                    booking.revision,
                }
            ):
                self._carry_out(operation)

    def _carry_out(self, operation: op.Operation) -> None:  # noqa: C901, PLR0912 -- a line each
        match operation:
            case op.Adopt(link_id, booking_id, event):
                link = self.links.get(link_id or 0) or self._new_link(booking_id, event)
                sent = time_part(link.fingerprint) or time_part(event.fingerprint)
                rest = rest_part(link.fingerprint) or rest_part(event.fingerprint)
                self.links[link.id] = replace(
                    link, state=LinkState.LIVE, key=event.key, fingerprint=f"{sent}.{rest}"
                )
            case op.Relink(link_id, event):
                self.events.pop(self.links[link_id].key, None)
                self.links[link_id] = replace(self.links[link_id], key=event.key)
            case op.Agree(link_id, revision, fingerprint):
                self._agree(link_id, revision, fingerprint)
            case op.Retire(link_id) | op.Forget(link_id):
                self._forget(link_id)
            case op.CancelLocal(link_id, booking_id):
                self._change(booking_id, status=Status.CANCELLED)
                self._forget(link_id)
            case op.CancelAsStaff(booking_id):
                self._change(booking_id, status=Status.CANCELLED)
            case op.ClearClash(booking_id):
                self.bookings[booking_id] = replace(self.bookings[booking_id], is_clashing=False)
            case op.TakeOver(link_id, booking_id):
                self._change(booking_id, origin=Origin.OURS)
                self._forget(link_id)
            case op.ReleaseLocal(link_id, booking_id, _revision, event):
                self._change(booking_id, status=Status.RELEASED)
                self._agree(link_id, self.bookings[booking_id].revision, event.fingerprint)
            case op.TakeTime(link_id, booking_id, _revision, event, accepts):
                self._follow(booking_id, event)
                rest = rest_part((event if accepts else self.links[link_id]).fingerprint)
                agreed = f"{time_part(event.fingerprint)}.{rest}"
                self._agree(link_id, self.bookings[booking_id].revision, agreed)
            case op.UpdateLocal(link_id, booking_id, _revision, event):
                self._follow(booking_id, event)
                self._change(booking_id, status=Status.CONFIRMED)
                self._agree(link_id, self.bookings[booking_id].revision, event.fingerprint)
            case op.CreateLocal(event):
                self._book(event)
            case op.CreateRemote(link_id, booking_id, revision, content):
                self._write_new(link_id, booking_id, revision, content)
            case op.UpdateRemote():
                self._write(operation)
            case op.RemoveRemote(link_id, ref=ref):
                self.events.pop(ref.key, None)
                self._forget(link_id)
            case op.RemoveTwin(_booking_id, ref):
                self.events.pop(ref.key, None)

    def _change(self, booking_id: int, **fields: object) -> None:
        booking = self.bookings[booking_id]
        self.bookings[booking_id] = replace(booking, revision=booking.revision + 1, **fields)  # type: ignore[arg-type]

    def _follow(self, booking_id: int, event: Remote) -> None:
        content = replace(
            self.bookings[booking_id].content, starts_at=event.starts_at, ends_at=event.ends_at,
            is_all_day=event.is_all_day,
        )  # fmt: skip
        if not self.bookings[booking_id].is_ours:
            content = replace(content, subject=event.subject)
        self._change(booking_id, content=content)

    def _agree(self, link_id: int, revision: int, fingerprint: str) -> None:
        self.links[link_id] = replace(
            self.links[link_id], pushed_revision=revision, fingerprint=fingerprint
        )

    def _forget(self, link_id: int | None) -> None:
        link = self.links.pop(link_id or 0, None)
        event = None if link is None else self.events.get(link.key)
        if event is not None and event.state is RemoteState.GONE:
            del self.events[event.key]

    def _new_link(self, booking_id: int, event: Remote) -> Link:
        number = max([0, *self.links]) + 1
        self.links[number] = Link(
            number, booking_id, LinkState.LIVE, event.key, event.uid,
            pushed_revision=self.bookings[booking_id].revision, fingerprint=event.fingerprint,
        )  # fmt: skip
        return self.links[number]

    def _book(self, event: Remote) -> None:
        number = max([0, *self.bookings]) + 1
        content = Content(event.subject, event.starts_at, event.ends_at, event.is_all_day, "UTC")
        self.bookings[number] = Local(
            number, uuid.UUID(int=number), 1, Origin.EXCHANGE, Status.CONFIRMED, content, NOW
        )
        self._new_link(number, event)

    def _write_new(
        self, link_id: int | None, booking_id: int, revision: int, content: Content
    ) -> None:
        key = EventKey(f"made{len(self.events)}-{booking_id}-{revision}")
        event = printed(
            replace(remote(), ref=EventRef(key, "1")),
            starts_at=content.starts_at, ends_at=content.ends_at, subject=content.subject,
            is_all_day=content.is_all_day,
        )  # fmt: skip
        self.events[key] = event
        self.links.pop(link_id or 0, None)
        self._new_link(booking_id, event)

    def _write(self, operation: op.UpdateRemote) -> None:
        content, parts = operation.content, operation.parts
        event = self.events[operation.ref.key]
        fields: dict[str, object] = {"subject": content.subject} if parts.subject else {}
        if parts.time:
            fields |= {"starts_at": content.starts_at, "ends_at": content.ends_at}
            fields |= {"is_all_day": content.is_all_day}
        if parts.show_as:
            fields["state"] = RemoteState.BLOCKS
        written = printed(event, **fields)
        self.events[event.key] = written
        self._agree(operation.link_id, operation.revision, written.fingerprint)
        link = self.links[operation.link_id]
        self.links[link.id] = replace(link, restored_fingerprint=operation.restores)


def settled(state: State, policy: Policy | None = None, plans: int = 8) -> tuple[Sides, op.Plan]:
    """Both sides after so many plans at most, and the last plan."""
    sides = Sides.of(state)
    planned = plan_of(*sides.state, policy)
    for _number in range(plans):
        if not planned.operations:
            break
        sides.apply(planned)
        planned = plan_of(*sides.state, policy)
    return sides, planned
