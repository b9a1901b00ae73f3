"""The WSGI entry point."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from optixsync import embedded_postgres
from optixsync.start import refuse_unsound_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "optixsync.settings")
embedded_postgres.ensure_if_used()

application = get_wsgi_application()
refuse_unsound_settings()
