"""What the engine does, what goes wrong between two of its steps, and what an office decides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from hypothesis import strategies as st

from apps.exchange import errors
from apps.exchange.calendar import EventKey
from apps.exchange.models import ExchangeConnection
from apps.resources.errors import CalendarRefused
from apps.sync import connecting, deciding, tenant_choices
from apps.sync.models import CalendarLink, Conflict, EventLink
from tests.sync.machine.deeds import deed
from tests.sync.machine.people import PICK, ROOM, Base
from tests.sync.machine.town import MINUTE, Crash, Room

State = CalendarLink.State
WRITES = ("create", "update", "delete", "decline")
STEPS = st.sampled_from(["open", "advance", "changes", "view", "read", "find", *WRITES])
WHEN = st.sampled_from(["before", "after"])


def quiet(_name: str, _when: str) -> None:
    """The hook of a good day."""


class Worker(Base):
    def sync(self, room: Room, *, is_full: bool = False) -> None:
        """As a task does it: only a calendar that is at work."""
        calendar = room.world.calendar
        calendar.refresh_from_db()
        if calendar.state in CalendarLink.WORKING:
            declined = room.world.mailbox.outbox.count("decline")
            is_first = calendar.is_first_sync
            decided = EventLink.objects.filter(calendar=calendar).exclude(decision="").exists()
            room.world.sync(is_full=is_full)
            if is_first and not decided:
                assert room.world.mailbox.outbox.count("decline") == declined

    def sync_with(self, room: Room, hook: Callable[[str, str], None]) -> None:
        room.port.hook = hook
        try:
            self.sync(room)
        except Crash:
            pass
        finally:
            room.port.hook = quiet

    def sync_all(self, *, is_full: bool = False) -> None:
        for room in self.town.rooms:
            self.sync(room, is_full=is_full)


class Trouble(Worker):
    @deed(number=ROOM, step=STEPS, when=WHEN, skip=st.integers(0, 2))
    def crash(self, number: int, step: str, when: str, skip: int) -> None:
        self.sync_with(self.room(number), _failing(step, when, skip, Crash()))
        self.town.later(4 * MINUTE)

    @deed(
        number=ROOM,
        step=STEPS,
        when=WHEN,
        skip=st.integers(0, 2),
        kind=st.sampled_from(
            [
                errors.Unclear, errors.Transient, errors.Throttled, errors.StaleChangeKey,
                errors.SyncStateInvalid, errors.Rejected, errors.NotFound,
                errors.AuthenticationFailed, errors.AccessDenied,
            ]
        ),
    )  # fmt: skip
    def fault(
        self, number: int, step: str, when: str, skip: int, kind: type[errors.ExchangeError]
    ) -> None:
        if step in WRITES and when == "after":
            kind = errors.Unclear
        elif not _can_be(step, kind):
            kind = errors.Transient
        self.sync_with(self.room(number), _failing(step, when, skip, kind("A fault.")))

    @deed(number=ROOM, step=st.sampled_from(WRITES), when=WHEN, naps=st.sampled_from([4, 2]))
    def second_worker(self, number: int, step: str, when: str, naps: int) -> None:
        """The first one sleeps so long around a write that another takes the lease."""
        room = self.room(number)

        def hook(name: str, moment: str) -> None:
            if (name, moment) == (step, when):
                room.port.hook = quiet
                self.town.later(naps * MINUTE)
                self.sync(room)

        self.sync_with(room, hook)

    @deed(number=ROOM)
    def write_is_lost(self, number: int) -> None:
        """On its way: nobody knows whether it will land."""
        room = self.room(number)
        room.port.loses_next = True
        self.sync(room)
        room.port.loses_next = False

    @deed(number=ROOM)
    def write_lands(self, number: int) -> None:
        self.room(number).land()

    @deed(number=ROOM)
    def slow_server(self, number: int) -> None:
        """Time is up after a few steps, and another task goes on."""
        room = self.room(number)

        def hook(_name: str, when: str) -> None:
            if when == "after":
                self.town.later(dt.timedelta(seconds=25))

        self.sync_with(room, hook)

    @deed(number=ROOM, size=st.sampled_from([1, 2, 100]))
    def page_size(self, number: int, size: int) -> None:
        self.room(number).port.page_size = size

    @deed(number=ROOM, pick=PICK, is_damaged=st.booleans())
    def damage(self, number: int, pick: int, is_damaged: bool) -> None:
        room = self.room(number)
        key = self.key(room, pick)
        if key is not None:
            room.world.mailbox.items[key.item_id].problem = "Damaged." if is_damaged else ""
            room.world.mailbox.log.append(key.item_id)

    @deed(minutes=st.sampled_from([1, 6, 60, 24 * 60, 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.town.later(minutes * MINUTE)
        if minutes > MINUTE.seconds:
            # What was lost on the way a day ago does not arrive any more.
            for room in self.town.rooms:
                room.port.landings.clear()


class Office(Base):
    @deed(pick=PICK, choice=PICK)
    def decide(self, pick: int, choice: int) -> None:
        rows = list(Conflict.objects.undecided().select_related("booking", "other"))
        if not rows:
            return
        conflict = rows[pick % len(rows)]
        choices = deciding.CHOICES[conflict.kind]
        decision = choices[choice % len(choices)]
        self.town.gives_up_conflict(conflict)
        self.town.may_mail |= decision == Conflict.Decision.SEND
        deciding.decide(conflict, decision, versions=conflict.versions, by=None)

    @deed(pick=PICK)
    def reconsider(self, pick: int) -> None:
        rows = list(Conflict.objects.open().exclude(decision=""))
        if rows:
            deciding.reconsider(rows[pick % len(rows)], by=None)

    @deed(number=ROOM, applies=st.booleans())
    def decide_held(self, number: int, applies: bool) -> None:
        calendar = self.room(number).world.calendar
        held = EventLink.objects.filter(calendar=calendar).exclude(held="")
        for link in held.select_related("booking"):
            self.town.gives_up_booking(link.booking)
        deciding.decide_held(
            calendar, list(held.values_list("pk", flat=True)), applies=applies, by=None
        )

    @deed(
        conflicts=st.sampled_from(["ask", "ask", "exchange", "optixsync", "first_come"]),
        kept=st.sampled_from(["subject", "organizer", "busy"]),
        sent=st.sampled_from(["title", "booked", "title_and_person"]),
    )
    def choose(self, conflicts: str, kept: str, sent: str) -> None:
        tenant = self.town.tenant
        before = tenant_choices.choices_of(tenant)
        tenant.conflict_policy, tenant.kept_details, tenant.sent_details = conflicts, kept, sent
        tenant.save()
        tenant_choices.apply(tenant, before)
        self.town.had_policy |= conflicts != "ask"

    @deed(number=ROOM, can_open=st.booleans())
    def rights(self, number: int, can_open: bool) -> None:
        self.room(number).world.mailbox.can_open = can_open

    @deed(number=ROOM)
    def mend(self, number: int) -> None:
        """Somebody saves the right password, and presses *Try again*."""
        ExchangeConnection.objects.update(stopped_at=None, paused_until=None)
        calendar = self.room(number).world.calendar
        calendar.refresh_from_db()
        if calendar.state != State.NOT_CONNECTED:
            connecting.try_again(calendar)

    @deed(number=ROOM)
    def pause(self, number: int) -> None:
        connecting.pause(self.room(number).world.calendar)

    @deed(number=ROOM, ours=st.booleans(), theirs=st.booleans())
    def leave(self, number: int, ours: bool, theirs: bool) -> None:
        self.town.leave(self.room(number), keeps_ours_there=ours, keeps_theirs_here=theirs)

    @deed(number=ROOM)
    def connect(self, number: int) -> None:
        room = self.room(number)
        room.world.calendar.refresh_from_db()
        if room.world.calendar.state in {State.NOT_CONNECTED, State.LEAVING}:
            try:
                self.town.connect(room)
            except CalendarRefused as refused:
                raise AssertionError(refused) from refused

    @deed(number=ROOM, really=st.sampled_from([False, False, False, True]))
    def replace_mailbox(self, number: int, really: bool) -> None:
        if not really:
            return
        room = self.room(number)
        for item_id in list(room.world.mailbox.items):
            room.given_up_events.add(EventKey(item_id))
        room.mailbox_was_replaced = True
        room.port.landings.clear()
        room.world.outlook.recreate_mailbox()


def _failing(step: str, when: str, skip: int, error: BaseException) -> Callable[[str, str], None]:
    left = [skip]

    def hook(name: str, moment: str) -> None:
        if (name, moment) == (step, when):
            left[0] -= 1
            if left[0] == -1:
                raise error

    return hook


def _can_be(step: str, kind: type[errors.ExchangeError]) -> bool:
    """Whether a server answers this to that."""
    if kind is errors.SyncStateInvalid:
        return step in {"changes", "advance"}
    if kind is errors.StaleChangeKey:
        return step in {"update", "delete", "decline"}
    if kind is errors.Rejected:
        return step in WRITES
    return kind is not errors.NotFound or step in {"update", "delete", "decline"}
