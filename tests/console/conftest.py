from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.resources.models import Resource
from tests.console.calendars import LiveWorld, live_world
from tests.sync.world import CALENDARS


@pytest.fixture
def calendars_in_memory(settings: Any) -> Iterator[None]:
    """The engine's port leads to mailboxes in memory."""
    settings.CALENDAR_FACTORY = "tests.sync.world.calendar_for"
    CALENDARS.clear()
    yield
    CALENDARS.clear()


@pytest.fixture
def world(resource: Resource, calendars_in_memory: None) -> LiveWorld:
    """The resource, connected, with nothing synced yet."""
    return live_world(resource)
