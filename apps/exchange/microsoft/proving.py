"""What only a call can prove: of which organisation somebody is, and what an organisation has granted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.exchange.errors import ExchangeError

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class Organisation:
    """Entra's id of an organisation, and its name."""

    id: str
    name: str


def organisation(access_token: str) -> Organisation | None:
    """The organisation of who signed in; None for a personal account, which has none.

    https://learn.microsoft.com/graph/api/organization-list

    Raises:
        ExchangeError: Microsoft does not answer, or refuses.
    """
    raise NotImplementedError


def prove(organisation_id: str, email: str) -> None:
    """Open a calendar with a token of the application for this organisation.

    https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
    https://learn.microsoft.com/graph/api/calendar-get

    Raises:
        ExchangeError: there is no such token, or it does not open the calendar.
    """
    raise NotImplementedError


def is_granted(organisation_id: str, email: str) -> bool:
    """Whether it was granted before anybody was asked now."""
    try:
        prove(organisation_id, email)
    except ExchangeError:
        return False
    return True
