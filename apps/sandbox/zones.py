"""Windows time-zone names and IANA names, each way, by tzlocal's table of CLDR."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import tz_win, win_tz

UTC = "UTC"


@cache
def zone(windows: str) -> ZoneInfo:
    """Find the zone behind a Windows name. One that nobody knows is kept on items, and counts as UTC."""
    return ZoneInfo(win_tz.get(windows, UTC))


def is_known(windows: str) -> bool:
    """Tell whether there is such a Windows zone."""
    return windows == UTC or windows in win_tz


@cache
def windows_name(iana: str) -> str:
    """Give the Windows name of an IANA zone: "Europe/Berlin" is "W. Europe Standard Time"."""
    return UTC if iana in {"UTC", "Etc/UTC"} else tz_win[iana]
