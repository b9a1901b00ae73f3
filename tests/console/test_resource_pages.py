"""Resources in the console: list, form, archive, photo, import and export."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from apps.bookings.models import Booking
from apps.resources.models import Location, Resource
from apps.tenants.models import Role, Tenant, User
from tests.factories import LocationFactory, ResourceFactory

BookAt = Callable[..., Booking]
LIST = reverse("admin:resources_resource_changelist")
ADD = reverse("admin:resources_resource_add")
IMPORT = reverse("admin:resources_resource_import_list")


@pytest.fixture
def client(manager: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(manager)


def typed(location: Location, **more: Any) -> dict[str, Any]:
    return {
        "name": "Anchor",
        "location": location.pk,
        "kind": "room",
        "capacity": 6,
        "time_zone": "Europe/London",
        "is_active": "on",
        **more,
    }


def page_of(resource: Resource, name: str = "change") -> str:
    return reverse(f"admin:resources_resource_{name}", args=[resource.pk])


def image(size: tuple[int, int] = (20, 10)) -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", size).save(out, "PNG")
    return SimpleUploadedFile("room.png", out.getvalue())


def names(client: Client, **query: str) -> list[str]:
    return [one.name for one in client.get(LIST, query).context["cl"].result_list]


def test_list_is_named_and_counts_what_was_searched_for_alone(
    client: Client, resource: Resource
) -> None:
    everything = client.get(LIST).content.decode()
    found = client.get(LIST, {"q": resource.name}).content.decode()

    assert "Resources | OptixSync" in everything
    assert "Show all" not in everything
    assert "1 result" in found


def test_manager_adds_a_resource(client: Client, location: Location) -> None:
    assert 'value="Europe/London"' in client.get(ADD).content.decode()

    client.post(ADD, typed(location))

    assert Resource.objects.get().name == "Anchor"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"time_zone": "Mars/Base"}, "is not a time zone"),
        ({"capacity": 0}, "greater than or equal to 1"),
        ({"name": "LIGHTHOUSE"}, "has a resource with this name already"),
        ({"new_photo": SimpleUploadedFile("x.png", b"no photo")}, "no photo that can be read"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_lost(
    client: Client, resource: Resource, wrong: dict[str, Any], words: str
) -> None:
    page = client.post(
        ADD, typed(resource.location, description="Keep me", **wrong)
    ).content.decode()

    assert words in page
    assert "Keep me" in page
    assert Resource.objects.count() == 1


def test_resource_without_a_location_says_what_to_do(client: Client) -> None:
    assert "Add a location first" in client.get(ADD).content.decode()


def test_calendar_section_says_that_exchange_is_not_installed(
    client: Client, resource: Resource
) -> None:
    page = client.get(page_of(resource)).content.decode()

    assert "Calendar" in page
    assert "Exchange is not installed" in page


def test_list_filters_and_searches(client: Client, location: Location) -> None:
    ResourceFactory.create(location=location, name="In use")
    ResourceFactory.create(location=location, name="Resting", is_active=False, kind="desk")
    ResourceFactory.create(location=location, name="Gone", archived_at=timezone.now())

    assert names(client) == ["In use", "Resting"]
    assert names(client, state="archived") == ["Gone"]
    assert names(client, state="inactive") == ["Resting"]
    assert names(client, kind__exact="desk") == ["Resting"]
    assert names(client, q="Resting") == ["Resting"]
    assert names(client, location__id__exact=str(location.pk)) == ["In use", "Resting"]


def test_row_menu_leads_where_it_says(client: Client, resource: Resource) -> None:
    page = client.get(LIST).content.decode()

    assert 'aria-label="More actions: Lighthouse"' in page
    assert "more_vert" in page
    edit = client.get(page_of(resource, "edit_row"))
    assert edit.url == page_of(resource)  # type: ignore[attr-defined]
    bookings = client.get(page_of(resource, "bookings_row"))
    assert f"resource__id__exact={resource.pk}" in bookings.url  # type: ignore[attr-defined]


def test_archive_asks_once_and_can_be_undone(
    client: Client, resource: Resource, book_at: BookAt
) -> None:
    year = timezone.now().year + 1
    book_at(resource, f"{year}-06-01 10:00", f"{year}-06-01 11:00")

    page = client.get(page_of(resource, "archive_row")).content.decode()
    assert "1 booking to come stays" in page
    assert not Resource.objects.get().is_archived
    client.post(page_of(resource, "archive_row"))
    assert Resource.objects.get().is_archived
    client.post(page_of(resource, "archive_row"))
    assert not Resource.objects.get().is_archived


def test_resource_with_bookings_is_not_deleted(
    client: Client, resource: Resource, book_at: BookAt
) -> None:
    booked = ResourceFactory.create(location=resource.location)
    book_at(booked, "2026-06-01 10:00", "2026-06-01 11:00")

    assert client.post(page_of(booked, "delete"), {"post": "yes"}).status_code == 403
    client.post(page_of(resource, "delete"), {"post": "yes"})

    assert Resource.objects.get() == booked


def test_location_with_resources_is_not_deleted(client: Client, resource: Resource) -> None:
    page = reverse("admin:resources_location_delete", args=[resource.location.pk])

    assert client.post(page, {"post": "yes"}).status_code == 403


def test_location_is_added_to_ones_own_tenant_under_a_name_of_its_own(
    client: Client, tenant: Tenant
) -> None:
    page = reverse("admin:resources_location_add")

    client.post(page, {"name": "Rope Walk"})
    refused = client.post(page, {"name": "rope walk"})

    assert Location.objects.get().tenant == tenant
    assert "have a location with this name already" in refused.content.decode()


def test_photo_is_kept_small_shown_to_the_tenant_and_removed(
    client: Client,
    resource: Resource,
    other_tenant: Tenant,
    user_with: Callable[..., User],
    client_of: Callable[[User], Client],
    django_capture_on_commit_callbacks: Any,
) -> None:
    client.post(page_of(resource), typed(resource.location, new_photo=image((3000, 10))))
    resource.refresh_from_db()
    photo = reverse("admin:resource_photo", args=[resource.uuid])
    answer = client.get(photo)
    kept = Image.open(io.BytesIO(answer.getvalue()))
    assert (kept.format, kept.width) == ("WEBP", 1600)
    assert photo in client.get(page_of(resource)).content.decode()
    stranger = client_of(user_with(Role.OWNER, other_tenant))
    assert stranger.get(photo).status_code == 404

    with django_capture_on_commit_callbacks(execute=True):
        client.post(page_of(resource), typed(resource.location, remove_photo="on"))

    assert client.get(photo).status_code == 404
    assert not resource.photo.storage.exists(resource.photo.name or "")


def test_new_zone_moves_the_bookings_or_is_refused(
    client: Client, resource: Resource, book_at: BookAt
) -> None:
    booking = book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00")

    client.post(page_of(resource), typed(resource.location, time_zone="Europe/Paris"))

    booking.refresh_from_db()
    assert booking.time_zone == "Europe/Paris"
    assert booking.starts_time.hour == 11
    assert Resource.objects.get().time_zone == "Europe/Paris"


def test_zone_stays_when_something_else_is_refused(
    client: Client, resource: Resource, book_at: BookAt
) -> None:
    ResourceFactory.create(location=resource.location, name="Anchor")
    booking = book_at(resource, "2026-06-01 10:00", "2026-06-01 11:00")

    # “Anchor” is taken.
    client.post(page_of(resource), typed(resource.location, time_zone="Europe/Paris"))

    booking.refresh_from_db()
    resource.refresh_from_db()
    assert (booking.time_zone, resource.time_zone) == ("Europe/London", "Europe/London")


def upload(client: Client, text: str, **more: str) -> str:
    file = SimpleUploadedFile("resources.csv", text.encode())
    return client.post(IMPORT, {"file": file, **more}, follow=True).content.decode()


def test_export_imports_again_without_a_change(client: Client, resource: Resource) -> None:
    file = client.get(reverse("admin:resources_resource_export_list")).content.decode("utf-8-sig")

    assert "Imported: 0 new, 0 changed, 1 as before." in upload(client, file)


def test_import_adds_and_changes_all_or_nothing(client: Client, resource: Resource) -> None:
    good = "location,name,capacity\nPier House,Lighthouse,8\nRope Walk,Splice,3\n"

    assert "It would bring 1 new resources" in upload(client, good, check_only="on")
    assert Location.objects.count() == 1
    page = upload(client, good + "Pier House,Broken,0\n")
    assert "Nothing was imported" in page
    assert "Line 4:" in page
    assert Resource.objects.count() == 1
    assert "Imported: 1 new, 1 changed, 0 as before." in upload(client, good)
    resource.refresh_from_db()
    assert resource.capacity == 8


def test_import_does_not_tell_of_other_tenants(client: Client, other_tenant: Tenant) -> None:
    foreign = ResourceFactory.create(location=LocationFactory.create(tenant=other_tenant))

    page = upload(client, f"uuid,location,name\n{foreign.uuid},Mine,Taken\n")

    assert "no resource of yours has this uuid" in page
    assert Resource.objects.get().name == foreign.name


def test_file_that_is_too_large_is_refused(client: Client, settings: Any) -> None:
    settings.CSV_MAX_BYTES = 10

    assert "are allowed. Split it" in upload(client, "location,name\nA,B\n")


@pytest.mark.parametrize("rows", [10, 1000])
def test_lists_cost_the_same_at_any_length(
    client: Client, tenant: Tenant, rows: int, django_assert_num_queries: Any
) -> None:
    locations = Location.objects.bulk_create(
        Location(tenant=tenant, name=f"Location {n}") for n in range(rows)
    )
    Resource.objects.bulk_create(
        Resource(location=one, name="Room", time_zone="UTC") for one in locations
    )
    client.get(LIST)

    with django_assert_num_queries(8):
        client.get(LIST)
    with django_assert_num_queries(7):
        client.get(reverse("admin:resources_location_changelist"))
