"""Workers of a real cluster are stopped and killed in mid-task, and the work is done once."""

from __future__ import annotations

import os
import secrets
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import Schedule

from apps.resources.models import Location
from apps.sync import services
from apps.sync.models import CalendarLink, SyncRun
from tests.factories import ResourceFactory
from tests.running.cluster import HOUR, Cluster, Place, until
from tests.sync.calendar_server import CALLER, running

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Cluster]:
    """A cluster that is not started yet, and the server that it shares with the test."""
    settings.CALENDAR_FACTORY = "tests.sync.calendar_server.calendar_for"
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), secrets.token_hex(16)) as env,
    ):
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        CALLER.close()
        cluster = Cluster(env)
        yield cluster
        cluster.kill()
        CALLER.close()


@pytest.fixture
def place(cluster: Cluster, location: Location) -> Place:
    return make_place(location, "room@example.com")


def make_place(location: Location, email: str, page_size: int = 100) -> Place:
    CALLER.add(email, page_size)
    return Place(ResourceFactory.create(location=location), email)


def test_nudge_schedule_and_sigterm_each_finish_the_work(cluster: Cluster, place: Place) -> None:
    # What migrate has set up, and what is due at the sentinel's first look, 30 s from now.
    schedules = Schedule.objects.filter(name="Sync: due calendars")
    assert schedules.update(next_run=timezone.now()) == 1
    cluster.start()
    until(place.is_synced, beat=True)

    # A booking is sent at once: no schedule has run by then.
    place.book(0)
    until(lambda: place.events() == [place.at(0)], seconds=15)

    # Nobody tells of this one; the schedule finds that the calendar is due.
    CALLER.outlook(place.email, "book", place.at(2), place.at(3))
    until(place.is_free)
    CalendarLink.objects.update(due_at=timezone.now())
    until(lambda: place.booked() == [place.at(0), place.at(2)], seconds=90)

    # Stopped in the middle of a write, the worker ends it, and itself.
    CALLER.stop_at(place.email, "create", "before")
    place.book(4)
    CALLER.stopped_caller(place.email, 30)
    assert cluster.worker is not None
    os.killpg(cluster.worker.pid, signal.SIGTERM)
    CALLER.let_go(place.email)

    assert cluster.worker.wait(timeout=20) == 0
    assert place.events() == [place.at(0), place.at(2), place.at(4)]
    assert place.is_agreed()
    assert not SyncRun.objects.exclude(outcome="done").exists()


def test_create_of_a_killed_worker_makes_one_event(cluster: Cluster, location: Location) -> None:
    """Whether the request never arrived, arrived in time, or arrives after the kill."""
    scripts = {"never": "before", "late": "before", "in time": "after"}
    places = {name: make_place(location, f"{name[:2]}@example.com") for name in scripts}
    cluster.env["SYNC_EVERY_S"] = "2"
    cluster.start()
    until(lambda: all(place.is_synced() for place in places.values()), beat=True)

    for name, when in scripts.items():
        place = places[name]
        CALLER.stop_at(place.email, "create", when)
        place.book(0)
        os.kill(CALLER.stopped_caller(place.email, 30), signal.SIGKILL)
        if name != "late":
            CALLER.let_go(place.email, drop=True)
    until(lambda: SyncRun.objects.filter(error_kind="interrupted").count() == 3, beat=True)
    CALLER.let_go(places["late"].email)

    until(lambda: all(place.is_agreed() for place in places.values()), beat=True)
    for place in places.values():
        assert place.events() == place.booked() == [place.at(0)]
    creates = {name: CALLER.requests(place.email).count("create") for name, place in places.items()}
    assert (creates["never"], creates["in time"]) == (2, 1)


def test_first_sync_of_a_long_history_outlives_kills(cluster: Cluster, location: Location) -> None:
    """A child is killed twice, and the whole worker once; what was read is kept."""
    disturbed, calm = (
        make_place(location, email, page_size=50) for email in ("a@example.com", "b@example.com")
    )
    starts = [calm.at(36 * (number - 2_900)) for number in range(3_000)]
    for place in (disturbed, calm):
        CALLER.book_many(place.email, starts, HOUR)
    while services.sync_calendar(calm.calendar.pk).goes_on:
        pass
    CALLER.delay(disturbed.email, "advance", 0.2)
    CALLER.stop_at(disturbed.email, "advance", "after", skip=15)
    cluster.start()

    until(lambda: CalendarLink.objects.exclude(draft_cursor="").exists(), beat=True)
    os.kill(CALLER.stopped_caller(disturbed.email, 30), signal.SIGKILL)
    CALLER.let_go(disturbed.email)
    CALLER.stop_at(disturbed.email, "advance", "before", skip=30)
    until(lambda: CALLER.requests(disturbed.email).count("advance") > 40, beat=True)
    CALLER.stopped_caller(disturbed.email, 30)
    cluster.kill()
    CALLER.let_go(disturbed.email)
    CALLER.stop_at(disturbed.email, "view", "before", skip=1)
    cluster.start()
    until(lambda: CALLER.requests(disturbed.email).count("view") == 2, beat=True)
    os.kill(CALLER.stopped_caller(disturbed.email, 30), signal.SIGKILL)
    CALLER.let_go(disturbed.email)
    until(disturbed.is_synced, beat=True)

    assert disturbed.booked() == calm.booked() == starts[-101:]
    assert SyncRun.objects.filter(outcome="continues").exists()
    spent, needed = (len(CALLER.requests(place.email)) for place in (disturbed, calm))
    assert spent <= 1.25 * needed
