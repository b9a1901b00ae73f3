"""A glance at many mailboxes at once: whether anything is new since their cursors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.exchange.errors import ExchangeError, SyncStateInvalid
from apps.exchange.graph import batch, cursors
from apps.exchange.graph.calendar import CHANGES_PAGE
from apps.exchange.graph.calls import paged
from apps.exchange.graph.client import Call, Client
from apps.exchange.graph.mapping import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.exchange.graph.mapping import Row
    from apps.exchange.graph.session import GraphSettings


@dataclass(frozen=True, slots=True)
class Glance:
    """What a glance at a mailbox showed.

    With a cursor nothing is new, and that is the one to go on from. With an error it could not be
    looked at. With neither something is new, or only a whole look can tell.
    """

    cursor: str = ""
    error: ExchangeError | None = None

    @property
    def is_quiet(self) -> bool:
        return bool(self.cursor)


def glance(settings: GraphSettings, cursor_of: Mapping[str, str]) -> dict[str, Glance]:
    """Of each address what is new since its cursor: one request for up to twenty of them.

    https://learn.microsoft.com/graph/delta-query-events, in
    https://learn.microsoft.com/graph/json-batching: each answer is judged alone.

    Raises:
        ExchangeError: none of them could be looked at.
    """
    found: dict[str, Glance] = {}
    calls: dict[str, Call] = {}
    for email, cursor in cursor_of.items():
        try:
            known = cursors.read(cursor, email)
        except cursors.NoCursor:
            found[email] = Glance(error=SyncStateInvalid("The cursor is of no use."))
            continue
        if isinstance(known, cursors.Shown):
            found[email] = Glance()
        else:
            headers = paged(CHANGES_PAGE)
            calls[email] = Call("GET calendarView/delta", known, headers=headers, email=email)
    client = Client(settings, "")
    answers = batch.ask(client, list(calls.values())) if calls else []
    for (email, call), answer in zip(calls.items(), answers, strict=True):
        found[email] = _judged(client, email, call, answer)
    return found


def _judged(client: Client, email: str, call: Call, answer: Row | ExchangeError) -> Glance:
    if isinstance(answer, ExchangeError):
        return Glance(error=answer)
    link = text(answer, "@odata.deltaLink")
    if not link or answer.get("value") != []:
        return Glance()
    try:
        return Glance(cursors.of_link(email, client.relative(link, call)))
    except ExchangeError as error:
        return Glance(error=error)
