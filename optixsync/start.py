"""What a server asks before it serves; commands ask the same by themselves."""

from __future__ import annotations

from django.core.checks import Tags, run_checks
from django.core.exceptions import ImproperlyConfigured


def refuse_unsound_settings() -> None:
    """Serve nothing where the settings would not keep secrets safe.

    Raises:
        ImproperlyConfigured: with what is wrong. A server takes it for a failed start, and ends;
            SystemExit would have gunicorn try again for ever.
    """
    problems = [one for one in run_checks(tags=[Tags.security]) if one.is_serious()]
    if problems:
        raise ImproperlyConfigured(" ".join(f"{one.id}: {one.msg} {one.hint}" for one in problems))
