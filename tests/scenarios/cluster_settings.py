"""The product's settings for processes of a test whose mailboxes are on the sandbox: the real factory."""

from tests.cluster_settings import *  # noqa: F403

CALENDAR_FACTORY = "apps.exchange.services.calendar_for"
