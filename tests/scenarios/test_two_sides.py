"""What people do on one side is found on the other: the same story, over EWS."""

from __future__ import annotations

from tests.sync.test_two_sides import *  # noqa: F403 -- each test runs with the world of this folder
