"""Between the names of time zones that Exchange uses, Windows', and those of the IANA. Pure.

The table is CLDR's, as tzlocal carries it: one Windows zone stands for many of the IANA's, and
names one of them. Neither a zone that somebody made up nor one that Windows does not know has a name
on the other side.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from zoneinfo import available_timezones

from tzlocal.windows_tz import tz_win, win_tz

# How Graph spells UTC at times.
_OTHER_NAMES = {"tzone://microsoft/utc": "Etc/UTC"}
# No zones, though the database lists them: what this machine is set to, and nothing at all.
_NO_ZONES = {"localtime", "Factory"}
# Links since 2024, though not where the database is built with its older zones kept apart.
_LATE_LINKS = {
    "EST5EDT": "America/New_York",
    "CST6CDT": "America/Chicago",
    "MST7MDT": "America/Denver",
    "PST8PDT": "America/Los_Angeles",
}


def iana(windows: str) -> str | None:
    """The IANA name for a Windows one, in any letter case; an IANA name is given back as it is.

    None: unknown, or made up ("Customized Time Zone", "tzone://Microsoft/Custom").
    """
    name = windows.strip()
    return _by_windows_name().get(name.lower()) or (name if name in _iana_names() else None)


def windows(iana: str) -> str | None:
    """The Windows name for an IANA one or an alias of one; None: Windows has no such zone."""
    if iana not in _iana_names():
        # The table knows the empty name too.
        return None
    return tz_win.get(iana) or tz_win.get(_links().get(iana, iana))


@cache
def _by_windows_name() -> dict[str, str]:
    return {name.lower(): zone for name, zone in win_tz.items()} | _OTHER_NAMES


@cache
def _iana_names() -> frozenset[str]:
    return frozenset(available_timezones() - _NO_ZONES)


@cache
def _links() -> dict[str, str]:
    """Alias -> the zone that it stands for, from the source text of the database."""
    text = files("tzdata").joinpath("zoneinfo", "tzdata.zi").read_text(encoding="utf-8")
    # "L Europe/Kyiv Europe/Uzhgorod"
    links = (line.split() for line in text.splitlines() if line.startswith("L "))
    return _LATE_LINKS | {alias: zone for _letter, zone, alias in links}
