"""Many losses at once wait for a person, over Microsoft Graph."""

from __future__ import annotations

import pytest

from tests.sync.test_losses import *  # noqa: F403 -- each test runs with the world of this folder


@pytest.fixture
def wire() -> str:
    return "graph"
