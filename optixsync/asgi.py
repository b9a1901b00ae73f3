"""The ASGI entry point."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

from optixsync import embedded_postgres
from optixsync.start import refuse_unsound_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "optixsync.settings")
embedded_postgres.ensure_if_used()

application = get_asgi_application()
refuse_unsound_settings()
