"""Pairs stay together, also over EWS."""

from __future__ import annotations

from tests.sync.test_pairs import *  # noqa: F403 -- each test runs with the world of this folder
