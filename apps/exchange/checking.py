"""The check of a connection, stage by stage: what only the row knows, and then the wire's own stages.

Nothing is stored here but in the attributes of the connection that is passed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.exchange.address import ews_url
from apps.exchange.errors import AuthenticationFailed, ExchangeError
from apps.exchange.secrets import SecretUnreadable, unseal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.exchange.ews.check import Stage
    from apps.exchange.models import ExchangeConnection

# The stages after which no calendar may go on: trying again would lock the account, or be in vain.
REFUSALS = frozenset({"password", "sign-in"})


def walk(connection: ExchangeConnection, email: str = "") -> Iterator[Stage]:
    """Each stage as it ends; the last one is the first that failed. `email`: the mailbox to open."""
    # Pages import this module, and have no use for exchangelib, which is slow to load.
    from apps.exchange.ews import check  # noqa: PLC0415

    try:
        password = unseal(connection.sealed_password)
        found = _find_server(connection, password)
    except ExchangeError as exc:
        yield check.Stage(
            _stage_of(exc), ok=False, words=exc.cause, fix=exc.fix, command=exc.command
        )
        return
    if found:
        yield check.Stage("autodiscover", ok=True, words=found)
    yield from check.stages(connection.settings, email or connection.try_email)


def _find_server(connection: ExchangeConnection, password: str) -> str:
    """Settle where the server is; what autodiscover found, if it was asked.

    Raises:
        ExchangeError: it found nothing, or the account was refused.
    """
    from apps.exchange.ews import autodiscover  # noqa: PLC0415 -- as above

    if connection.server:
        connection.server_url = ews_url(connection.server)
        return ""
    connection.server_url = autodiscover.find(
        connection.email,
        connection.username or connection.email,
        password,
        ca_pem=connection.ca_pem,
    )
    return connection.server_url


def _stage_of(exc: ExchangeError) -> str:
    if isinstance(exc, SecretUnreadable):
        return "password"
    return "sign-in" if isinstance(exc, AuthenticationFailed) else "autodiscover"
