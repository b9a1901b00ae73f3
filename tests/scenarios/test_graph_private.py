"""What is private stays out of every row, over Microsoft Graph."""

from __future__ import annotations

import pytest

from tests.scenarios.graph_world import GraphWorld
from tests.sync.test_private import *  # noqa: F403 -- each test runs with the world of this folder
from tests.sync.test_private import everything, secret
from tests.sync.world import DAY


@pytest.fixture
def wire() -> str:
    return "graph"


def test_event_that_turns_private_past_the_window_is_erased(  # type: ignore[no-redef]
    world: GraphWorld,
) -> None:
    """Of what lies past its window a delta tells nothing: it is found when the window gets there."""
    key = secret(world)
    world.sync()
    world.outlook.move(key, world.at(24 * 200))
    world.sync()
    world.outlook.change(key, is_private=True)
    world.later(30 * DAY)

    world.sync(is_full=True)

    assert "Secret" not in everything()
