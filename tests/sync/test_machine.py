"""Anything may happen between any two steps; in the end both sides agree, and nothing is lost."""

from __future__ import annotations

import datetime as dt
import os

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.sync.machine.deeds import do_one
from tests.sync.machine.engine import Office, Trouble
from tests.sync.machine.people import PATTERNS, ZONES, Colleagues, Organisers, Staff
from tests.sync.machine.town import MINUTE, Town

# Some days before the clocks change: in New York and London, in Sydney, and back again.
STARTS = [
    dt.datetime(2027, 3, 1, 9, 0, tzinfo=dt.UTC),
    dt.datetime(2027, 3, 12, 23, 30, tzinfo=dt.UTC),
    dt.datetime(2027, 3, 26, 9, 0, tzinfo=dt.UTC),
    dt.datetime(2027, 10, 1, 9, 0, tzinfo=dt.UTC),
    dt.datetime(2027, 10, 29, 9, 0, tzinfo=dt.UTC),
]


class Machine(Staff, Colleagues, Organisers, Trouble, Office):
    @initialize(
        start=st.sampled_from(STARTS), zone=ZONES, mails=st.booleans(), is_lived_in=st.booleans()
    )
    def start(self, start: dt.datetime, zone: str, mails: bool, is_lived_in: bool) -> None:
        # Each life is forgotten: what one leaves in the tables would slow the next ones down.
        self.life = transaction.atomic()
        self.life.__enter__()
        self.town = self.found(start, zone)
        for room in self.town.rooms:
            room.world.mailbox.mails_attendees = mails
        if is_lived_in:
            self._move_in()

    def found(self, start: dt.datetime, zone: str) -> Town:
        return Town.found(start, zone)

    def _move_in(self) -> None:
        """Something to begin with, and both sides agree on it."""
        for number in range(2):
            for hours in (5, 30, 200):
                self.book(number, hours, 1)
                self.event(number, hours + 2, 60, False, "appointment")
            self.series(number, 50, PATTERNS[0], "UTC", 3)
        self.sync_all()

    @rule(data=st.data(), kind=st.sampled_from([Staff, Colleagues, Colleagues, Organisers]))
    def people(self, data: st.DataObject, kind: type) -> None:
        do_one(self, kind, data)

    @rule(data=st.data(), kind=st.sampled_from([Staff, Colleagues, Organisers]))
    def people_and_runs(self, data: st.DataObject, kind: type) -> None:
        do_one(self, kind, data)
        self.sync_all()

    @rule(data=st.data())
    def trouble(self, data: st.DataObject) -> None:
        do_one(self, Trouble, data)

    @rule(data=st.data(), kind=st.sampled_from([Staff, Colleagues]))
    def people_and_trouble(self, data: st.DataObject, kind: type) -> None:
        do_one(self, kind, data)
        do_one(self, Trouble, data)

    @rule(data=st.data())
    def office(self, data: st.DataObject) -> None:
        do_one(self, Office, data)
        self.sync_all()

    @rule(minutes=st.sampled_from([1, 6]), is_full=st.booleans())
    def runs(self, minutes: int, is_full: bool) -> None:
        self.town.later(minutes * MINUTE)
        self.sync_all(is_full=is_full)

    def teardown(self) -> None:
        if not hasattr(self, "town"):
            return
        try:
            self.town.quiet()
        finally:
            transaction.set_rollback(True)
            self.life.__exit__(None, None, None)


@pytest.mark.django_db
class TestMachine(Machine.TestCase):  # type: ignore[misc, valid-type]
    pass


Machine.TestCase.settings = settings(
    max_examples=int(os.environ.get("MACHINE_EXAMPLES", "18")),
    stateful_step_count=int(os.environ.get("MACHINE_STEPS", "25")),
    suppress_health_check=list(HealthCheck),
    # Making a failure smaller takes longer than reading it.
    phases=[Phase.explicit, Phase.generate],
)
