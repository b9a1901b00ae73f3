"""Which names of time zones we accept: those of the IANA database, as tzdata has them."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


@cache
def time_zone_names() -> tuple[str, ...]:
    """Every zone by area and place, in order; left out are the aliases without a place ("EST")."""
    return tuple(
        sorted(
            name
            for name in available_timezones()
            if name == "UTC" or ("/" in name and not name.startswith(("Etc/", "SystemV/")))
        )
    )


def validate_time_zone(name: str) -> None:
    """Refuse what is no IANA zone, in words.

    Raises:
        ValidationError: the name is unknown.
    """
    if name not in time_zone_names():
        raise ValidationError(
            _("“%(name)s” is not a time zone. Use a name such as Europe/London."),
            code="time_zone",
            params={"name": name},
        )
