#!/usr/bin/env python
"""Run a management command, with the embedded PostgreSQL up where no DATABASE_URL names another."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

from optixsync import embedded_postgres

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "optixsync.settings")
    embedded_postgres.ensure_if_used()
    execute_from_command_line(sys.argv)
