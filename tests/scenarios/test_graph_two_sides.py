"""What people do on one side is found on the other: the same story, over Microsoft Graph."""

from __future__ import annotations

import pytest

from tests.sync.test_two_sides import *  # noqa: F403 -- each test runs with the world of this folder


@pytest.fixture
def wire() -> str:
    return "graph"
