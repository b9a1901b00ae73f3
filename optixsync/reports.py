"""What a report of a crash tells: where it happened, and nothing of what was at hand there.

Django's own shows the variables of every frame, those of libraries too, the query of the request (a sign-in comes back
with its code in it), and settings that hold addresses with passwords. https://docs.djangoproject.com/en/5.2/howto/error-reporting/
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.views.debug import ExceptionReporter


class Reporter(ExceptionReporter):
    """Lines of code and the words of the exception; on a developer's machine (DEBUG) all there is."""

    def get_traceback_data(self) -> dict[str, Any]:
        told: dict[str, Any] = super().get_traceback_data()
        if settings.DEBUG:
            return told
        for frame in told["frames"]:
            frame["vars"] = []
        return {
            **told,
            "request": None,
            "request_meta": {},
            "request_COOKIES_items": (),
            "request_GET_items": (),
            "request_insecure_uri": "",
            "filtered_POST_items": [],
            "settings": {},
        }
