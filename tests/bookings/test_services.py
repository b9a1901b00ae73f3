"""Bookings are written by services alone, and each refusal says why."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.bookings import services
from apps.bookings.errors import BadTime, NotAllowed, NotBookable, Overlap, StaleBooking
from apps.bookings.models import Booking, BookingChange
from apps.bookings.signals import booking_changed
from apps.bookings.walltime import Span
from apps.resources import services as resources
from apps.resources.models import Resource
from apps.tenants.models import User
from tests.conftest import span_at
from tests.factories import ResourceFactory

BookAt = Callable[..., Booking]


def test_booking_stores_wall_time_beside_the_instant(resource: Resource, book_at: BookAt) -> None:
    booking = book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00")

    booking.refresh_from_db()
    assert booking.starts_at == dt.datetime(2026, 6, 1, 9, tzinfo=dt.UTC)
    assert booking.span == span_at("2026-06-01 10:00", "2026-06-01 11:00", "Europe/London")
    assert booking.revision == 1


def test_overlap_is_refused_and_names_the_other(resource: Resource, book_at: BookAt) -> None:
    book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00", title="Board meeting")

    with pytest.raises(Overlap, match="“Board meeting” has Lighthouse on 1 June 2026"):
        book_at(resource, "2026-06-01 10:30", "2026-06-01 11:30")

    assert Booking.objects.count() == 1


def test_neighbours_do_not_overlap(resource: Resource, book_at: BookAt) -> None:
    book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00")

    book_at(resource, "2026-06-01 11:00", "2026-06-01 12:00")

    assert Booking.objects.blocking().count() == 2


def test_time_that_the_clock_skips_is_refused(resource: Resource, book_at: BookAt) -> None:
    with pytest.raises(BadTime, match="01:30 does not exist on 29 March 2026.*next time is 02:00"):
        book_at(resource, "2026-03-29 01:30", "2026-03-29 03:00")


def test_end_before_start_is_refused(resource: Resource, book_at: BookAt) -> None:
    with pytest.raises(BadTime, match="must end later"):
        book_at(resource, "2026-06-01 10:00", "2026-06-01 10:00")


def test_archived_or_inactive_resource_is_refused(resource: Resource, book_at: BookAt) -> None:
    resources.archive(resource)
    with pytest.raises(NotBookable, match="archived"):
        book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00")

    resources.restore(resource)
    Resource.objects.update(is_active=False)
    with pytest.raises(NotBookable, match="takes no bookings"):
        book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00")


def test_change_counts_the_revision_and_tells_history(
    resource: Resource, book_at: BookAt, manager: User
) -> None:
    booking = book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00", title="Before")

    changed = services.change(booking=booking, revision=1, by=manager, title="After")

    assert (changed.title, changed.revision) == ("After", 2)
    change = BookingChange.objects.filter(action="changed").get()
    assert (change.by, change.before, change.after) == (
        manager,
        {"title": "Before"},
        {"title": "After"},
    )


def test_change_of_nothing_writes_nothing(resource: Resource, book_at: BookAt) -> None:
    booking = book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00", title="Same")

    services.change(booking=booking, revision=1, by=None, title="Same")

    booking.refresh_from_db()
    assert booking.revision == 1
    assert booking.changes.count() == 1


def test_stale_revision_is_refused_with_the_present_version(
    resource: Resource, book_at: BookAt
) -> None:
    booking = book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00")
    services.change(booking=booking, revision=1, by=None, title="Quicker")

    with pytest.raises(StaleBooking) as refused:
        services.change(booking=booking, revision=1, by=None, title="Slower")

    assert refused.value.current.title == "Quicker"


def test_cancelled_booking_frees_the_time_and_can_be_restored(
    resource: Resource, book_at: BookAt, manager: User
) -> None:
    year = timezone.now().year + 1
    booking = book_at(resource, f"{year}-06-01 10:00", f"{year}-06-01 11:00")

    cancelled = services.cancel(booking=booking, revision=1, by=manager, reason="Ill")
    assert (cancelled.status, cancelled.cancel_reason) == ("cancelled", "Ill")
    assert not Booking.objects.upcoming().exists()

    restored = services.restore(booking=cancelled, revision=2, by=manager)
    assert restored.status == "confirmed"
    assert list(booking.changes.values_list("action", flat=True)) == [
        "restored",
        "cancelled",
        "booked",
    ]


def test_restore_is_refused_when_the_time_was_taken(resource: Resource, book_at: BookAt) -> None:
    year = timezone.now().year + 1
    booking = book_at(resource, f"{year}-06-01 10:00", f"{year}-06-01 11:00")
    cancelled = services.cancel(booking=booking, revision=1, by=None)
    book_at(resource, f"{year}-06-01 10:30", f"{year}-06-01 11:30", title="Newcomer")

    with pytest.raises(Overlap, match="Newcomer"):
        services.restore(booking=cancelled, revision=2, by=None)


def test_cancelled_or_foreign_booking_is_not_changed(resource: Resource, book_at: BookAt) -> None:
    booking = book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00")
    cancelled = services.cancel(booking=booking, revision=1, by=None)
    with pytest.raises(NotAllowed, match="is cancelled"):
        services.change(booking=cancelled, revision=2, by=None, title="New")
    with pytest.raises(NotAllowed, match="cancelled already"):
        services.cancel(booking=cancelled, revision=2, by=None)

    Booking.objects.update(origin="exchange")
    booking.refresh_from_db()
    with pytest.raises(NotAllowed, match="made in Exchange"):
        services.change(booking=booking, revision=2, by=None, title="New")


def test_signal_is_sent_on_commit_with_both_resources(
    resource: Resource,
    book_at: BookAt,
    django_capture_on_commit_callbacks: Any,
) -> None:
    heard: list[object] = []

    def listen(**kwargs: object) -> None:
        heard.append(kwargs["resource_ids"])

    other = ResourceFactory.create(location=resource.location)
    booking = book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00")
    booking_changed.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            services.change(booking=booking, revision=1, by=None, resource=other)
            assert heard == []
    finally:
        booking_changed.disconnect(listen)

    assert heard == [sorted([resource.pk, other.pk])]


def test_rezone_keeps_instants_of_timed_and_dates_of_all_day_bookings(
    resource: Resource, book_at: BookAt
) -> None:
    timed = book_at(resource, "2026-06-03 10:00", "2026-06-03 11:00")
    first, second = (
        services.book(
            resource=resource,
            span=Span.days(dt.date(2026, 6, day), dt.date(2026, 6, day), "Europe/London"),
            title=f"Day {day}",
            by=None,
        )
        for day in (1, 2)
    )

    services.rezone(resource=resource, time_zone="Asia/Tokyo", by=None)

    for booking in (timed, first, second):
        booking.refresh_from_db()
    assert timed.starts_at == dt.datetime(2026, 6, 3, 9, tzinfo=dt.UTC)
    assert timed.starts_time == dt.time(18)
    assert second.starts_on == dt.date(2026, 6, 2)
    assert second.starts_at == dt.datetime(2026, 6, 1, 15, tzinfo=dt.UTC)


def test_rezone_is_refused_when_bookings_would_meet(resource: Resource, book_at: BookAt) -> None:
    services.book(
        resource=resource,
        span=Span.days(dt.date(2026, 6, 2), dt.date(2026, 6, 2), "Europe/London"),
        title="All day",
        by=None,
    )
    book_at(resource, "2026-06-01 20:00", "2026-06-01 21:00", title="Evening")

    with pytest.raises(Overlap, match="Evening"):
        services.rezone(resource=resource, time_zone="Asia/Tokyo", by=None)

    assert Resource.objects.get().time_zone == "Europe/London"


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_gets_the_time(resource: Resource, book_at: BookAt) -> None:
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def try_to_book() -> None:
        start.wait()
        try:
            with transaction.atomic():
                book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00")
            outcomes.append("booked")
        except Overlap:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=try_to_book) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["booked", "refused"]
