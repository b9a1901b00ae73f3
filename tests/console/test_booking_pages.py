"""Bookings in the console: what is typed is stored whole or refused in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.bookings import services
from apps.bookings.models import Booking
from apps.resources.models import Resource
from apps.tenants.models import Role, Tenant, User
from tests.conftest import span_at
from tests.factories import LocationFactory, ResourceFactory

BookAt = Callable[..., Booking]
LIST = reverse("admin:bookings_booking_changelist")
ADD = reverse("admin:bookings_booking_add")


@pytest.fixture
def client(manager: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(manager)


@pytest.fixture
def year() -> int:
    return timezone.now().year + 1


def typed(resource: Resource, on: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    return {
        "resource": resource.pk,
        "starts_on": on,
        "starts_time": start,
        "ends_time": end,
        "title": "Board meeting",
        **more,
    }


def change_page(booking: Booking, name: str = "change") -> str:
    return reverse(f"admin:bookings_booking_{name}", args=[booking.pk])


def test_manager_books(client: Client, resource: Resource, manager: User) -> None:
    response = client.post(ADD, typed(resource, "2026-06-01", "10:00", "11:00"), follow=True)

    booking = Booking.objects.get()
    assert booking.starts_at == dt.datetime(2026, 6, 1, 9, tzinfo=dt.UTC)
    assert booking.changes.get().by == manager
    assert "was added successfully" in response.content.decode()


def test_all_day_booking_needs_no_times(client: Client, resource: Resource) -> None:
    client.post(ADD, typed(resource, "2026-06-01", "", "", all_day="on", ends_on="2026-06-02"))

    booking = Booking.objects.get()
    assert booking.all_day
    assert booking.span.last_day == dt.date(2026, 6, 2)


def test_timed_booking_without_times_is_refused(client: Client, resource: Resource) -> None:
    response = client.post(ADD, typed(resource, "2026-06-01", "", "11:00"))

    assert "Say a time, or tick “all day”." in response.content.decode()
    assert not Booking.objects.exists()


def test_overlap_is_refused_by_name_and_nothing_typed_is_lost(
    client: Client, resource: Resource, book_at: BookAt
) -> None:
    book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00", title="Interviews")

    page = client.post(
        ADD, typed(resource, "2026-06-01", "10:30", "11:30", notes="Bring tea")
    ).content.decode()

    assert "“Interviews” has Lighthouse on 1 June 2026 from 10:00 to 11:00" in page
    assert "Bring tea" in page
    assert Booking.objects.count() == 1


def test_skipped_time_is_refused_in_words(client: Client, resource: Resource) -> None:
    response = client.post(ADD, typed(resource, "2026-03-29", "01:30", "03:00"))

    assert "01:30 does not exist on 29 March 2026" in response.content.decode()


def test_change_without_a_difference_is_no_change(
    client: Client, resource: Resource, book_at: BookAt
) -> None:
    booking = book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00", title="Board meeting")

    client.post(
        change_page(booking), typed(resource, "2026-06-01", "10:00", "11:00", read_revision=1)
    )

    booking.refresh_from_db()
    assert booking.revision == 1


def test_stale_form_shows_both_versions_and_saving_again_is_a_choice(
    client: Client, resource: Resource, book_at: BookAt
) -> None:
    booking = book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00")
    services.change(booking=booking, revision=1, by=None, title="Theirs")
    data = typed(resource, "2026-06-01", "10:00", "11:00", title="Mine", read_revision=1)

    page = client.post(change_page(booking), data).content.decode()

    assert "Someone changed this booking while you were editing it" in page
    assert "<td>Mine</td>" in page
    assert "<td>Theirs</td>" in page
    assert 'name="read_revision" value="2"' in page
    client.post(change_page(booking), {**data, "read_revision": 2})
    booking.refresh_from_db()
    assert booking.title == "Mine"


def test_form_shows_the_day_without_javascript(
    client: Client, resource: Resource, book_at: BookAt
) -> None:
    book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00", title="Interviews")

    page = client.get(
        ADD, {"resource": str(resource.pk), "starts_on": "2026-06-01"}
    ).content.decode()

    assert "Lighthouse on Monday 1 June 2026" in page
    assert "10:00–11:00" in page


def test_availability_follows_what_is_chosen(
    client: Client, resource: Resource, book_at: BookAt
) -> None:
    book_at(resource, "2026-06-01 22:00", "2026-06-02 02:00", title="Night shift")
    url = reverse("admin:bookings_booking_availability")

    first = client.get(
        url, {"resource": str(resource.pk), "starts_on": "2026-06-01"}
    ).content.decode()
    second = client.get(
        url, {"resource": str(resource.pk), "starts_on": "2026-06-02"}
    ).content.decode()
    free = client.get(
        url, {"resource": str(resource.pk), "starts_on": "2026-06-03"}
    ).content.decode()

    assert "22:00–24:00" in first
    assert "00:00–02:00" in second
    assert "Free all day" in free


@pytest.mark.parametrize(
    "query", [{}, {"resource": "x"}, {"starts_on": "never"}, {"starts_on": "9999-12-31"}]
)
def test_availability_of_half_a_choice_breaks_nothing(
    client: Client, resource: Resource, query: dict[str, str]
) -> None:
    url = reverse("admin:bookings_booking_availability")

    assert client.get(url, {"resource": str(resource.pk), **query}).status_code == 200


def test_availability_of_another_tenants_resource_is_not_told(
    client: Client, other_tenant: Tenant
) -> None:
    foreign = ResourceFactory.create(location=LocationFactory.create(tenant=other_tenant))
    url = reverse("admin:bookings_booking_availability")

    assert client.get(url, {"resource": foreign.pk}).status_code == 404


def test_cancel_asks_for_a_reason_and_restore_undoes(
    client: Client, resource: Resource, book_at: BookAt, year: int
) -> None:
    booking = book_at(resource, f"{year}-06-01 10:00", f"{year}-06-01 11:00")
    cancel = reverse("admin:bookings_booking_cancel_row", args=[booking.pk])

    assert "becomes free on 1 June" in client.get(cancel).content.decode()
    assert not Booking.objects.get().is_cancelled
    client.post(cancel, {"revision": 1, "reason": "Ill"})
    assert Booking.objects.get().cancel_reason == "Ill"
    page = client.get(change_page(booking)).content.decode()
    assert "Reason: Ill" in page
    client.post(change_page(booking, "restore"))

    assert Booking.objects.get().status == "confirmed"


def test_history_tells_who_did_what(
    client: Client, resource: Resource, book_at: BookAt, manager: User
) -> None:
    booking = book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00", title="Before")
    services.change(booking=booking, revision=1, by=manager, title="After")

    page = client.get(change_page(booking, "history")).content.decode()

    assert "Changed" in page
    assert f"by {manager}" in page
    assert "<del>Before</del>" in page
    assert "<ins>After</ins>" in page


def test_viewer_sees_and_changes_nothing(
    tenant: Tenant,
    resource: Resource,
    book_at: BookAt,
    user_with: Callable[..., User],
    client_of: Callable[[User], Client],
    year: int,
) -> None:
    booking = book_at(resource, f"{year}-06-01 10:00", f"{year}-06-01 11:00", title="Seen")
    viewer = client_of(user_with(Role.VIEWER, tenant))

    assert "Seen" in viewer.get(LIST).content.decode()
    assert viewer.get(change_page(booking)).status_code == 200
    assert viewer.get(ADD).status_code == 403
    cancel = reverse("admin:bookings_booking_cancel_row", args=[booking.pk])
    assert viewer.post(cancel, {"revision": 1}).status_code == 403
    viewer.post(change_page(booking), typed(resource, f"{year}-06-01", "12:00", "13:00"))
    assert Booking.objects.get().revision == 1


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("", {"Now", "Tomorrow", "Later"}),
        ("today", {"Now"}),
        ("tomorrow", {"Tomorrow"}),
        ("week", {"Now", "Tomorrow"}),
        ("past", {"Past"}),
        ("all", {"Past", "Now", "Tomorrow", "Later"}),
    ],
)
def test_list_filters_by_day(
    client: Client, resource: Resource, book_at: BookAt, day: str, expected: set[str]
) -> None:
    for title, offset in {"Past": -2, "Now": 0, "Tomorrow": 1, "Later": 20}.items():
        on = timezone.localdate() + dt.timedelta(days=offset)
        book_at(resource, f"{on} 10:00", f"{on} 11:00", title=title)

    shown = client.get(LIST, {"day": day} if day else {}).context["cl"].result_list

    assert {booking.title for booking in shown} == expected


def test_list_filters_by_resource_offer_ones_own_alone(
    client: Client, resource: Resource, book_at: BookAt, other_tenant: Tenant, year: int
) -> None:
    foreign = ResourceFactory.create(
        location=LocationFactory.create(tenant=other_tenant), name="Foreign room"
    )
    second = ResourceFactory.create(location=resource.location)
    book_at(resource, f"{year}-06-01 10:00", f"{year}-06-01 11:00", title="Here")
    book_at(second, f"{year}-06-01 10:00", f"{year}-06-01 11:00", title="There")
    book_at(foreign, f"{year}-06-01 10:00", f"{year}-06-01 11:00", title="Elsewhere")

    page = client.get(LIST, {"resource__id__exact": resource.pk})

    assert [one.title for one in page.context["cl"].result_list] == ["Here"]
    assert "Foreign room" not in page.content.decode()


@pytest.mark.parametrize("rows", [10, 1000])
def test_list_costs_the_same_at_any_length(
    client: Client, resource: Resource, year: int, rows: int, django_assert_num_queries: Any
) -> None:
    start = dt.datetime(year, 1, 1)  # noqa: DTZ001 -- wall time
    hour = dt.timedelta(hours=1)
    services_rows = []
    for n in range(rows):
        first, last = start + n * hour, start + (n + 1) * hour
        span = span_at(first.isoformat(), last.isoformat(), "UTC")
        services_rows.append(
            Booking(
                resource=resource,
                title=f"Booking {n}",
                starts_at=first.replace(tzinfo=dt.UTC),
                ends_at=last.replace(tzinfo=dt.UTC),
                starts_on=span.starts_on,
                starts_time=span.starts_time,
                ends_on=span.ends_on,
                ends_time=span.ends_time,
                time_zone="UTC",
            )
        )
    Booking.objects.bulk_create(services_rows)
    client.get(LIST)

    with django_assert_num_queries(10):
        client.get(LIST)
