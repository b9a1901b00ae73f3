"""Who belongs to whom, over Microsoft Graph."""

from __future__ import annotations

import pytest

from tests.sync.test_pairs import *  # noqa: F403 -- each test runs with the world of this folder


@pytest.fixture
def wire() -> str:
    return "graph"
