from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.resources.models import Resource
from tests.sync.world import CALENDARS, World, make_world


@pytest.fixture(autouse=True)
def _calendars_in_memory(settings: Any) -> Iterator[None]:
    settings.CALENDAR_FACTORY = "tests.sync.world.calendar_for"
    CALENDARS.clear()
    yield
    CALENDARS.clear()


@pytest.fixture
def world(resource: Resource) -> World:
    return make_world(resource)
