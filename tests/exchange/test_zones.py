from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo, available_timezones

import pytest
from tzlocal.windows_tz import win_tz

from apps.exchange import zones

# What Windows has no zone for: a station with a clock of its own, and what is no zone.
WITHOUT_A_WINDOWS_NAME = {"Antarctica/Troll", "Factory", "localtime"}


@pytest.mark.parametrize(
    ("windows", "iana"),
    [
        ("GMT Standard Time", "Europe/London"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("AUS Eastern Standard Time", "Australia/Sydney"),
        ("UTC", "Etc/UTC"),
        ("pacific standard time", "America/Los_Angeles"),
        (" Eastern Standard Time ", "America/New_York"),
        ("tzone://Microsoft/Utc", "Etc/UTC"),
    ],
)
def test_windows_name_becomes_the_iana_name(windows: str, iana: str) -> None:
    assert zones.iana(windows) == iana


@pytest.mark.parametrize("name", ["Europe/Madrid", "Asia/Calcutta", "Etc/UTC", "America/Nuuk"])
def test_iana_name_where_a_windows_one_is_expected_stays(name: str) -> None:
    assert zones.iana(name) == name


@pytest.mark.parametrize(
    "name",
    ["tzone://Microsoft/Custom", "Customized Time Zone", "Mars Standard Time", "", "localtime"],
)
def test_made_up_zone_has_no_iana_name(name: str) -> None:
    assert zones.iana(name) is None


@pytest.mark.parametrize(
    ("iana", "windows"),
    [
        ("Europe/London", "GMT Standard Time"),
        ("Europe/Amsterdam", "W. Europe Standard Time"),
        ("Asia/Kolkata", "India Standard Time"),
        ("Asia/Calcutta", "India Standard Time"),
        ("UTC", "UTC"),
        ("Etc/UTC", "UTC"),
        # Not in the table, but links of what is.
        ("Europe/Uzhgorod", "FLE Standard Time"),
        ("US/East-Indiana", "US Eastern Standard Time"),
        ("EST5EDT", "Eastern Standard Time"),
        ("Mars/Olympus_Mons", None),
        ("", None),
    ],
)
def test_iana_name_becomes_the_windows_name(iana: str, windows: str | None) -> None:
    assert zones.windows(iana) == windows


def test_every_zone_of_the_database_has_a_windows_name_but_for_a_few() -> None:
    missing = {name for name in available_timezones() if zones.windows(name) is None}

    assert missing == WITHOUT_A_WINDOWS_NAME & available_timezones()


@pytest.mark.parametrize("windows", win_tz)
def test_windows_name_survives_the_way_there_and_back(windows: str) -> None:
    there = zones.iana(windows)

    assert there is not None
    assert zones.windows(there) == windows


def test_alias_and_what_it_became_show_the_same_time() -> None:
    now = dt.datetime(2027, 7, 1, tzinfo=dt.UTC)

    for alias, zone in zones._links().items():
        assert now.astimezone(ZoneInfo(alias)).utcoffset() == (
            now.astimezone(ZoneInfo(zone)).utcoffset()
        )
