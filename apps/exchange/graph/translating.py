"""Ids of EWS and of Graph, one from the other: so that a calendar can go over without losing a pair.

https://learn.microsoft.com/graph/api/user-translateexchangeids
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.exchange.graph import links
from apps.exchange.graph.client import Call, Client
from apps.exchange.graph.mapping import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.exchange.graph.session import GraphSettings

# More are refused.
AT_ONCE = 1000
EWS, IMMUTABLE = "ewsId", "restImmutableEntryId"


def translator_for(settings: GraphSettings, email: str) -> GraphTranslator:
    """The translation of one mailbox's ids.

    Raises:
        Misconfigured: settings of the operator's that cannot be read.
    """
    return GraphTranslator(Client(settings, email))


class GraphTranslator:
    """The port; see `apps.exchange.translation.Translator`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def to_graph(self, ids: Sequence[str]) -> dict[str, str]:
        return self._translated(ids, EWS, IMMUTABLE)

    def to_ews(self, ids: Sequence[str]) -> dict[str, str]:
        return self._translated(ids, IMMUTABLE, EWS)

    def _translated(self, ids: Sequence[str], source: str, target: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for start in range(0, len(ids), AT_ONCE):
            some = list(ids[start : start + AT_ONCE])
            call = Call(
                "POST translateExchangeIds",
                links.path("users", self._client.email, "translateExchangeIds"),
                {"inputIds": some, "sourceIdType": source, "targetIdType": target},
            )
            page = self._client.ask(call)
            known = set(some)
            for row in self._client.rows_of(page, call, lets_pass=True):
                given, made = text(row, "sourceId"), text(row, "targetId")
                if given in known and made:
                    found[given] = made
        return found
