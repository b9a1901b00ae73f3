"""What is kept of a tenant's Exchange: the connection, its tokens, and sign-ins that go on."""

from __future__ import annotations

from apps.exchange.models.connection import (
    CHECK_LASTS_AT_MOST,
    EWS_ENDS_ON,
    ExchangeConnection,
    ExchangeConnectionQuerySet,
)
from apps.exchange.models.organisation_claim import OrganisationClaim
from apps.exchange.models.secret_warning import SecretWarning
from apps.exchange.models.sign_in_attempt import SignInAttempt
from apps.exchange.models.token import AccessToken

__all__ = [
    "CHECK_LASTS_AT_MOST",
    "EWS_ENDS_ON",
    "AccessToken",
    "ExchangeConnection",
    "ExchangeConnectionQuerySet",
    "OrganisationClaim",
    "SecretWarning",
    "SignInAttempt",
]
