"""The grant of a connection over EWS, used over Microsoft Graph as well: nobody has to sign in again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from apps.exchange import services
from apps.exchange.models import ExchangeConnection
from apps.exchange.services import InstallRefused

if TYPE_CHECKING:
    from apps.tenants.models import User

logger = logging.getLogger(__name__)

State = ExchangeConnection.State
Wire = ExchangeConnection.Wire
# What makes a grant: whose it is, and how it was given.
GRANT = (
    "kind", "access", "organisation_id", "organisation_name", "account_id", "account_name", "email",
    "try_email", "sealed_refresh_token",
)  # fmt: skip


@transaction.atomic
def over_graph(connection: ExchangeConnection, *, by: User | None) -> ExchangeConnection:
    """A second connection by the same grant. Its check tells whether the grant covers Graph too.

    A refresh token belongs to a person and an application, and to no API; that it was redeemed does
    not end it: https://learn.microsoft.com/entra/identity-platform/refresh-tokens

    Raises:
        InstallRefused: it has no grant of Microsoft, or is not installed.
    """
    connection = services.locked(connection)
    if not connection.is_microsoft or connection.wire != Wire.EWS or connection.is_pending:
        raise InstallRefused(_("Only an installed Microsoft 365 has a grant that Graph can use."))
    # Of the same kind of grant: another one, that waits for its own check, stays what it is.
    same = ExchangeConnection.objects.select_for_update(no_key=True).filter(
        tenant=connection.tenant,
        wire=Wire.GRAPH,
        state=State.PENDING,
        access=connection.access,
        organisation_id=connection.organisation_id,
    )
    if connection.access == ExchangeConnection.Access.ACCOUNT:
        same = same.filter(account_id=connection.account_id)
    made = same.first() or ExchangeConnection(
        tenant=connection.tenant, wire=Wire.GRAPH, state=State.PENDING
    )
    for name in GRANT:
        setattr(made, name, getattr(connection, name))
    services.begin_anew(made)
    services.start_check(made)
    logger.info(
        "Exchange connection %s: over Graph as %s, by user %s",
        connection.uuid, made.uuid, by.pk if by is not None else "nobody",
    )  # fmt: skip
    return made
