"""Spans in words."""

from __future__ import annotations

import pytest

from apps.bookings.errors import briefly
from apps.bookings.walltime import Span


@pytest.mark.parametrize(
    ("span", "words"),
    [
        ("2027-06-01T09:00/2027-06-01T10:30", "1 Jun 2027, 09:00–10:30"),
        ("2027-06-01T22:00/2027-06-02T01:00", "1 Jun 2027, 22:00 – 2 Jun 2027, 01:00"),
        ("2027-06-01/2027-06-01", "1 Jun 2027, all day"),
        ("2027-06-01/2027-06-02", "1 Jun 2027 – 2 Jun 2027, all day"),
    ],
)
def test_span_fits_a_column(span: str, words: str) -> None:
    assert briefly(Span.parse(span, "Europe/London")) == words
