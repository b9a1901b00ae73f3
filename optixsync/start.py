"""What a server asks before it serves; commands ask the same by themselves."""

from __future__ import annotations

import sys

from django.core.checks import Tags, run_checks


def refuse_unsound_settings() -> None:
    """End with a sentence where the settings would not keep secrets safe."""
    problems = [one for one in run_checks(tags=[Tags.security]) if one.is_serious()]
    if problems:
        sys.exit("\n".join(f"{one.id}: {one.msg}\n{one.hint}" for one in problems))
