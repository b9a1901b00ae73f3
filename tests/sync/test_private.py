"""What is private stays out of every row; and what turns private is erased wherever it was told."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.forms.models import model_to_dict

from apps.bookings.models import Booking
from apps.exchange.calendar import EventKey, ShowAs
from tests.sync.world import HOUR, World

pytestmark = pytest.mark.django_db


def everything() -> str:
    """Every row that may tell of an event or a booking."""
    rows: list[Any] = []
    for label in ("bookings", "sync"):
        for model in apps.get_app_config(label).get_models():
            rows += [model_to_dict(row) for row in model._default_manager.all()]
            rows += list(model._default_manager.values())
    return str(rows)


def secret(world: World, **fields: Any) -> EventKey:
    return world.outlook.book(world.at(24), world.at(25), "Secret merger", **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"show_as": ShowAs.FREE},
        {"is_cancelled": True},
        {"show_as": ShowAs.UNKNOWN},
    ],
    ids=["blocks", "free", "cancelled", "unknown"],
)
def test_event_that_turns_private_is_erased_whatever_else_it_is(
    world: World, fields: dict[str, Any]
) -> None:
    key = secret(world)
    world.sync()
    assert "Secret" in everything()
    world.outlook.change(key, is_private=True, **fields)

    world.sync()

    assert "Secret" not in everything()
    assert "Olga" not in everything()
    assert world.only_booking().title == "Private"


def test_event_that_turns_private_past_the_window_is_erased(world: World) -> None:
    key = secret(world)
    world.sync()
    world.outlook.move(key, world.at(24 * 200))
    world.sync()
    world.outlook.change(key, is_private=True)

    world.sync()

    assert "Secret" not in everything()


def test_event_that_turns_private_in_another_folder_is_erased(world: World) -> None:
    key = secret(world)
    world.sync()
    world.outlook.change(key, is_private=True, show_as=ShowAs.FREE)
    world.outlook.refile(key.item_id)

    world.sync()

    assert "Secret" not in everything()


def test_conflict_with_an_event_that_turns_private_tells_nothing_of_it(world: World) -> None:
    key = secret(world)
    world.sync()
    world.book(24.5)
    world.sync()
    assert "Secret" in str([conflict.exchange for conflict in world.conflicts()])
    world.outlook.change(key, is_private=True)

    world.sync()

    assert len(world.conflicts()) == 1
    assert "Secret" not in everything()


def test_words_put_on_our_event_are_erased_when_it_turns_private(world: World) -> None:
    world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    for _time in range(2):
        world.outlook.change(event.key, subject="Secret merger")
        world.sync()
    assert "Secret" in everything()

    world.outlook.change(event.key, is_private=True)
    world.sync()

    assert "Secret" not in everything()
    assert world.only_booking().title == "Stand-up"


def test_one_occurrence_that_turns_private_hides_no_other(world: World) -> None:
    keys = world.outlook.book_series(world.at(24), HOUR, subject="Secret merger", count=2)
    world.sync()
    world.outlook.change(keys[0], is_private=True)

    world.sync()

    titles = Booking.objects.order_by("starts_at").values_list("title", flat=True)
    assert list(titles) == ["Private", "Secret merger"]


@pytest.mark.parametrize(("kept", "title"), [("busy", "Busy"), ("organizer", "Olga")])
def test_tenant_that_keeps_less_from_now_on_keeps_no_history_of_more(
    world: World, kept: str, title: str
) -> None:
    secret(world)
    world.sync()
    tenant = world.resource.tenant
    tenant.kept_details = kept
    tenant.save()

    world.sync(is_full=True)

    assert "Secret" not in everything()
    assert ("Olga" in everything()) == (kept == "organizer")
    assert world.only_booking().title == title


def test_copy_of_our_event_is_kept_as_the_tenant_chose(world: World) -> None:
    tenant = world.resource.tenant
    tenant.kept_details = "busy"
    tenant.save()
    world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    copy = world.outlook.copy(event.key, world.at(48))
    world.outlook.change(copy, subject="Secret merger")

    world.sync()

    assert "Secret" not in everything()
    titles = Booking.objects.order_by("starts_at").values_list("title", flat=True)
    assert list(titles) == ["Stand-up", "Busy"]


def test_event_that_is_public_again_is_called_by_its_name(world: World) -> None:
    key = secret(world, is_private=True)
    world.sync()
    world.outlook.change(key, is_private=False)

    world.sync()

    assert world.only_booking().title == "Secret merger"
