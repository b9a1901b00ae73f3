"""What is private stays so, also where HTTP lies in between."""

from __future__ import annotations

from tests.sync.test_private import *  # noqa: F403 -- each test runs with the world of this folder
