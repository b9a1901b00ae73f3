"""Anything may happen between any two steps; in the end both sides agree, and nothing is lost."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from apps.bookings import services as bookings
from apps.bookings.errors import BookingError
from apps.bookings.models import Booking
from apps.exchange import errors
from apps.exchange.calendar import EventKey, ShowAs
from apps.exchange.memory import EVER, MemoryMailbox, occurrence
from apps.sync.models import CalendarLink, Conflict, EventLink
from tests.factories import ResourceFactory
from tests.sync.world import HOUR, World, make_world, mirror_equals_calendar

MINUTE = dt.timedelta(minutes=1)
HOURS = st.integers(min_value=-30, max_value=24 * 12)
STEPS = st.sampled_from(
    ["open", "advance", "changes", "view", "read", "find", "create", "update", "delete"]
)
PICK = st.integers(min_value=0, max_value=50)


class Crash(BaseException):
    """The worker is gone."""


class Machine(RuleBasedStateMachine):
    world: World

    @initialize()
    def start(self) -> None:
        CalendarLink.objects.all().delete()
        self.world = make_world(
            ResourceFactory.create(), email=f"room{os.urandom(4).hex()}@example.com"
        )
        self.late: list[Any] = []

    # --- Here ---------------------------------------------------------------------------------

    @rule(hours=HOURS)
    def book(self, hours: int) -> None:
        self._try(lambda: self.world.book(hours))

    @rule(pick=PICK, hours=HOURS)
    def move_booking(self, pick: int, hours: int) -> None:
        booking = self._booking(pick)
        if booking is not None:
            self._try(lambda: self.world.move(booking, hours))

    @rule(pick=PICK)
    def retitle_booking(self, pick: int) -> None:
        booking = self._booking(pick)
        if booking is not None:
            self._try(
                lambda: bookings.change(
                    booking=booking, revision=booking.revision, by=None, title=f"Title {pick}"
                )
            )

    @rule(pick=PICK)
    def cancel_booking(self, pick: int) -> None:
        booking = self._booking(pick)
        if booking is not None:
            self._try(lambda: self.world.cancel(booking))

    @rule(pick=PICK)
    def restore_booking(self, pick: int) -> None:
        rows = list(self._rows().filter(status="cancelled"))
        if rows:
            row = rows[pick % len(rows)]
            self._try(lambda: bookings.restore(booking=row, revision=row.revision, by=None))

    # --- In Outlook -----------------------------------------------------------------------------

    @rule(hours=HOURS, private=st.booleans())
    def event(self, hours: int, private: bool) -> None:
        starts_at = self.world.at(hours)
        self.world.outlook.book(starts_at, starts_at + HOUR, is_private=private)

    @rule(hours=HOURS, days=st.sampled_from([1, 7]))
    def series(self, hours: int, days: int) -> None:
        self.world.outlook.book_series(self.world.at(hours), HOUR, days=days, count=3)

    @rule(pick=PICK, hours=HOURS)
    def move_event(self, pick: int, hours: int) -> None:
        key = self._key(pick)
        if key is not None:
            self.world.outlook.move(key, self.world.at(hours))

    @rule(pick=PICK, show_as=st.sampled_from([ShowAs.FREE, ShowAs.BUSY, ShowAs.TENTATIVE]))
    def show_as(self, pick: int, show_as: ShowAs) -> None:
        key = self._key(pick)
        if key is not None:
            self.world.outlook.change(key, show_as=show_as)

    @rule(pick=PICK)
    def make_private(self, pick: int) -> None:
        key = self._key(pick)
        if key is not None:
            self.world.outlook.change(key, is_private=True)

    @rule(pick=PICK)
    def cancel_event(self, pick: int) -> None:
        key = self._key(pick)
        if key is not None:
            self.world.outlook.change(key, is_cancelled=True)

    @rule(pick=PICK, whole=st.booleans())
    def delete_event(self, pick: int, whole: bool) -> None:
        key = self._key(pick)
        if key is not None:
            self.world.outlook.delete(EventKey(key.item_id) if whole else key)

    @rule(pick=PICK, hours=HOURS)
    def copy_event(self, pick: int, hours: int) -> None:
        key = self._key(pick)
        if key is not None:
            self.world.outlook.copy(key, self.world.at(hours))

    @rule(first=PICK, second=PICK)
    def swap_events(self, first: int, second: int) -> None:
        one, two = self._key(first), self._key(second)
        if one is not None and two is not None and one != two:
            starts = [occurrence(self.mailbox, key).starts_at for key in (one, two)]
            self.world.outlook.move(one, starts[1])
            self.world.outlook.move(two, starts[0])

    @rule(pick=PICK)
    def refile_event(self, pick: int) -> None:
        key = self._key(pick)
        if key is not None:
            self.world.outlook.refile(key.item_id)

    @rule(pick=PICK, hours=st.sampled_from([-24, 1, 3, 24]))
    def shift_series(self, pick: int, hours: int) -> None:
        key = self._series(pick)
        if key is not None:
            self.world.outlook.shift_series(key, dt.timedelta(hours=hours))

    @rule(pick=PICK)
    def cut_series(self, pick: int) -> None:
        key = self._series(pick)
        if key is not None:
            self.world.outlook.cut_series(key, 1)

    @rule(pick=PICK)
    def make_single(self, pick: int) -> None:
        key = self._series(pick)
        if key is not None:
            self.world.outlook.make_single(key)

    @rule(pick=PICK)
    def make_series(self, pick: int) -> None:
        key = self._key(pick)
        if key is not None and not key.original_start:
            self.world.outlook.make_series(key.item_id, days=1, count=3)

    # --- The engine -------------------------------------------------------------------------------

    @rule(is_full=st.booleans())
    def sync(self, is_full: bool) -> None:
        self.world.sync(is_full=is_full)

    @rule(step=STEPS, when=st.sampled_from(["before", "after"]), skip=st.integers(0, 2))
    def crash(self, step: str, when: str, skip: int) -> None:
        self._sync_with(step, when, skip, Crash())
        self.world.later(4 * MINUTE)

    @rule(
        step=STEPS,
        when=st.sampled_from(["before", "after"]),
        skip=st.integers(0, 2),
        kind=st.sampled_from(
            [errors.Unclear, errors.Transient, errors.StaleChangeKey, errors.SyncStateInvalid]
        ),
    )
    def fault(self, step: str, when: str, skip: int, kind: type[errors.ExchangeError]) -> None:
        if when == "after" and step in {"create", "update", "delete"}:
            kind = errors.Unclear
        elif (kind is errors.SyncStateInvalid and step not in {"changes", "advance"}) or (
            kind is errors.StaleChangeKey and step not in {"update", "delete"}
        ):
            kind = errors.Transient
        self._sync_with(step, when, skip, kind("A fault."))

    @rule()
    def second_worker(self) -> None:
        """The first one sleeps so long in a write that another takes the lease."""

        def hook(name: str, when: str) -> None:
            if when == "before" and name in {"create", "update", "delete"}:
                self.world.port.hook = lambda _name, _when: None
                self.world.later(4 * MINUTE)
                self.world.sync()

        self.world.port.hook = hook
        self.world.sync()
        self.world.port.hook = lambda _name, _when: None

    @rule(minutes=st.sampled_from([1, 6, 60, 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.world.later(minutes * MINUTE)

    @precondition(lambda self: True)
    @rule()
    def page_by_page(self) -> None:
        self.world.port.page_size = 1 if self.world.port.page_size > 1 else 100

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self._quiet()

    # --- Quiet at the end -------------------------------------------------------------------------

    def _quiet(self) -> None:
        world = self.world
        world.port.hook = lambda _name, _when: None
        world.port.page_size = 100
        for _round in range(8):
            world.later(6 * MINUTE)
            self._revive()
            world.sync(is_full=_round % 2 == 0)
            self._decide()
        world.later(6 * MINUTE)
        report = world.sync(is_full=True)
        assert not report.counts, (report.counts, self._open())
        assert mirror_equals_calendar(world)
        assert self._here() == self._there(), (self._here(), self._there())

    def _revive(self) -> None:
        CalendarLink.objects.filter(pk=self.world.calendar.pk).update(barren_starts=0, failures=0)

    def _decide(self) -> None:
        """A person presses the buttons."""
        links = EventLink.objects.filter(calendar=self.world.calendar)
        links.exclude(held="").update(decision="apply")
        CalendarLink.objects.filter(pk=self.world.calendar.pk).update(are_sends_approved=True)
        waiting = Conflict.objects.undecided().filter(calendar=self.world.calendar)
        waiting.filter(kind=Conflict.Kind.TWIN).update(decision="ours")
        waiting.exclude(kind=Conflict.Kind.TWIN).update(decision="exchange")

    def _open(self) -> list[Any]:
        rows = Conflict.objects.open().filter(calendar=self.world.calendar)
        return list(rows.values("kind", "ours", "exchange", "decision", "versions"))

    def _here(self) -> list[tuple[dt.datetime, dt.datetime]]:
        rows = self._rows().filter(status="confirmed", ends_at__gt=self.world.now)
        return sorted((row.starts_at, row.ends_at) for row in rows)

    def _there(self) -> list[tuple[dt.datetime, dt.datetime]]:
        return sorted(
            (event.starts_at, event.ends_at)
            for event in self.world.outlook.blocking()
            if event.ends_at > self.world.now
        )

    def _sync_with(self, step: str, when: str, skip: int, error: BaseException) -> None:
        left = [skip]

        def hook(name: str, moment: str) -> None:
            if (name, moment) == (step, when):
                left[0] -= 1
                if left[0] == -1:
                    raise error

        self.world.port.hook = hook
        try:
            self.world.sync()
        except Crash:
            pass
        finally:
            self.world.port.hook = lambda _name, _when: None

    @property
    def mailbox(self) -> MemoryMailbox:
        return self.world.mailbox

    def _rows(self) -> Any:
        return Booking.objects.filter(resource=self.world.resource).order_by("pk")

    def _booking(self, pick: int) -> Booking | None:
        rows = list(self._rows().exclude(status="cancelled"))
        return rows[pick % len(rows)] if rows else None

    def _key(self, pick: int) -> EventKey | None:
        keys = [
            e.key for item in sorted(self.mailbox.items) for e in self.mailbox.events(item, EVER)
        ]
        return keys[pick % len(keys)] if keys else None

    def _series(self, pick: int) -> str | None:
        keys = [key for key, stored in sorted(self.mailbox.items.items()) if stored.series]
        return keys[pick % len(keys)] if keys else None

    def _try(self, what: Any) -> None:
        with contextlib.suppress(BookingError):
            what()


@pytest.mark.django_db
class TestMachine(Machine.TestCase, TestCase):  # type: ignore[misc, valid-type]
    pass


Machine.TestCase.settings = settings(
    max_examples=int(os.environ.get("MACHINE_EXAMPLES", "30")),
    stateful_step_count=int(os.environ.get("MACHINE_STEPS", "25")),
    suppress_health_check=list(HealthCheck),
    # Making a failure smaller takes longer than reading it.
    phases=[Phase.explicit, Phase.generate],
)
