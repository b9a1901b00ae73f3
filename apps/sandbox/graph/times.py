"""Times as Graph writes them: seven digits of a second's fraction, no offset, and the zone beside.

Source: learn.microsoft.com/graph/api/resources/datetimetimezone. Zones may be named as Windows does or as IANA does.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apps.sandbox import zones
from apps.sandbox.graph.errors import GraphError, bad

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(?:\.\d{1,7})?)?(Z|[+-]\d\d:\d\d)?")


@cache
def zone(name: str) -> ZoneInfo:
    """Find the zone behind a name of either kind. Raises GraphError TimeZoneNotSupportedException."""
    if zones.is_known(name):
        return zones.zone(name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        text = f"The following TimeZone value is not supported: '{name}'."
        raise GraphError("TimeZoneNotSupportedException", text) from None


def windows_name(name: str) -> str:
    """Give the Windows name of a zone that was named either way."""
    if zones.is_known(name):
        return name
    try:
        return zones.windows_name(name)
    except KeyError:
        text = f"The following TimeZone value is not supported: '{name}'."
        raise GraphError("TimeZoneNotSupportedException", text) from None


def written(moment: dt.datetime, in_zone: str = zones.UTC) -> dict[str, str]:
    """Write a dateTimeTimeZone in a zone, under the name by which it was asked for."""
    local = moment.astimezone(zone(in_zone))
    return {"dateTime": f"{local:%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": in_zone}


def instant(moment: dt.datetime) -> str:
    """Write a DateTimeOffset, in UTC."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S}Z"


def read(value: Any, name: str) -> tuple[dt.datetime, str]:
    """Read a dateTimeTimeZone into the moment and the zone's Windows name. Raises GraphError."""
    if not isinstance(value, dict) or not isinstance(value.get("dateTime"), str):
        raise bad(f"The property '{name}' needs a dateTime and a timeZone.", "RequestBodyRead")
    named = value.get("timeZone") or zones.UTC
    return moment(value["dateTime"], str(named)), windows_name(str(named))


def moment(text: str, in_zone: str = zones.UTC) -> dt.datetime:
    """Read a time; what names no offset is in the zone. Raises GraphError."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise bad(f"The value '{text}' is no time.", "ErrorInvalidParameter")
    day, clock, offset = found.groups()
    try:
        parsed = dt.datetime.fromisoformat(f"{day}T{clock or '00:00'}{offset or ''}")
    except ValueError:
        raise bad(f"The value '{text}' is no time.", "ErrorInvalidParameter") from None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=zone(in_zone))
    return parsed.astimezone(dt.UTC)
