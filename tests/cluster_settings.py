"""The product's settings, for a cluster whose calendars are kept by the tests' calendar server.

Everything else that differs comes from the environment, as it would in production.
"""

from optixsync.settings import *  # noqa: F403

CALENDAR_FACTORY = "tests.sync.calendar_server.calendar_for"
# The cluster's own statistics; in production the table is made once.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
