"""Losses that are many are held, also over EWS."""

from __future__ import annotations

from tests.sync.test_losses import *  # noqa: F403 -- each test runs with the world of this folder
