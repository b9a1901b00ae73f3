from __future__ import annotations

import datetime as dt
from email.utils import format_datetime

import pytest

from apps.exchange import failures

SECOND, DAY = dt.timedelta(seconds=1), dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("120", 120 * SECOND),
        (" 7 ", 7 * SECOND),
        ("99999999999999999999", DAY),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", DAY),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", SECOND),
    ],
)
def test_wait_that_a_server_asks_for_is_a_day_at_most(
    told: str, expected: dt.timedelta | None
) -> None:
    assert failures.wait(told) == expected


def test_wait_until_a_date_lasts_until_then() -> None:
    at = dt.datetime.now(dt.UTC) + 100 * SECOND

    found = failures.wait(format_datetime(at, usegmt=True))

    assert found is not None
    assert 90 * SECOND < found <= 100 * SECOND
