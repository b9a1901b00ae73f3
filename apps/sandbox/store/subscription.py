"""A subscription of Microsoft Graph: who is told of what happens in a mailbox, where, and until when."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 -- the snapshot reads the types while it runs
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class GraphSubscription:
    """`oid`: of the account in whose name it was made; empty: the application's own.

    `change_types` as it was given, such as "created,updated,deleted". `names_immutable`: ids in notifications are those
    that the request for it preferred. `is_challenged`: nothing is sent until it is authorized again.
    """

    id: str
    app_id: str
    oid: str
    mailbox_id: str
    resource: str
    change_types: str
    notification_url: str
    lifecycle_url: str
    client_state: str
    tls_version: str
    expires_at: dt.datetime
    names_immutable: bool = False
    is_challenged: bool = False

    def tells_of(self, change: str) -> bool:
        """Tell whether a kind of change is of interest."""
        return change in self.change_types.lower().replace(" ", "").split(",")
