"""What runs the product does so in other processes, by the machine's clock."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _by_the_machines_clock(real_clock: None) -> None:
    """For every test of this folder."""
