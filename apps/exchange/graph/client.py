"""One mailbox on a connection: sends a request to Graph, gives back JSON or one of our errors.

Nothing waits or tries again here but a refused token, once: a write must leave once or not at all,
and a server's wish to be left alone is the dispatcher's to heed.
"""

from __future__ import annotations

import json
import logging
import re
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from apps.exchange import failures, transport
from apps.exchange.errors import ExchangeError
from apps.exchange.graph import codes, links
from apps.exchange.graph.codes import Duplicate, Where
from apps.exchange.graph.mapping import text
from apps.exchange.graph.session import ACCOUNT, session_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from apps.exchange.graph.session import GraphSettings

log = logging.getLogger(__name__)

# A page of a thousand events is a few megabytes. What is larger is not read to its end.
LARGEST_ANSWER = 32 * 1024 * 1024
_REQUEST_ID = re.compile(r"[0-9A-Fa-f-]{32,36}")
# Ids that stay when an event moves, and instants in UTC.
# https://learn.microsoft.com/graph/outlook-immutable-id
PREFER = 'IdType="ImmutableId", outlook.timezone="UTC"'
# The longest list of a server that never comes to its end.
MOST_PAGES = 1000


@dataclass(frozen=True, slots=True)
class Call:
    """One request, below the version of the API."""

    # As in "GET events/{id}": for logs, words, and the judgement of what comes back.
    operation: str
    # Path and query.
    url: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    # Whether something is there afterwards that was not before.
    is_write: bool = False
    # Of a batch: whose calls are these; empty: the client's own mailbox.
    email: str = ""

    @property
    def method(self) -> str:
        return self.operation.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, also of one part of a batch. Its own words are in no representation of it."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    retry_after: str = ""
    # It is no JSON object, though it should be.
    is_damaged: bool = False
    # What Microsoft's support asks for.
    request_id: str = ""

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300 and not self.is_damaged  # noqa: PLR2004 -- HTTP's

    @property
    def code(self) -> str:
        error = self.body.get("error")
        code = error.get("code") if isinstance(error, dict) else ""
        return code if isinstance(code, str) else ""

    @property
    def existing_id(self) -> str:
        """Of the event that has this transaction id already."""
        error = self.body.get("error")
        found = error.get("@event.existingEventId") if isinstance(error, dict) else ""
        return found if isinstance(found, str) else ""


def prefer(*more: str) -> dict[str, str]:
    return {"Prefer": ", ".join((PREFER, *more))}


class Client:
    """A mailbox and the way to it; with no email, Graph alone."""

    def __init__(self, settings: GraphSettings, email: str) -> None:
        self.settings = settings
        self.email = email
        self._session = session_for(settings)
        self.requests = 0

    def where(self, call: Call) -> Where:
        return Where(
            urlsplit(self.settings.graph_url).hostname or "",
            call.email or self.email,
            call.operation,
            call.is_write,
            self.settings.access == ACCOUNT,
        )

    def ask(self, call: Call) -> Mapping[str, Any]:
        """Send one request; its JSON.

        Raises:
            ExchangeError: no answer, or one that is no success.
        """
        found = self.judged(self.send(call), call)
        if isinstance(found, ExchangeError):
            raise found
        return found

    def judged(self, answer: Answer, call: Call) -> Mapping[str, Any] | ExchangeError:
        """The JSON of an answer, or what it means that it is no success."""
        if answer.is_good:
            return answer.body
        where = self.where(call)
        log.info("%s at %s: request-id %s", where.operation, where.server, answer.request_id)
        if 200 <= answer.status < 400:  # noqa: PLR2004 -- HTTP's; nothing follows a redirect
            return codes.damaged(where)
        error = codes.judge(
            answer.status, answer.code, where, wait=failures.wait(answer.retry_after)
        )
        if isinstance(error, Duplicate):
            error.existing = answer.existing_id
        return error

    def rows(self, call: Call, *, lets_pass: bool = False) -> Iterator[Mapping[str, Any]]:
        """All rows of a list, page after page. https://learn.microsoft.com/graph/paging

        Raises:
            ExchangeError: a page that cannot be read; what came before it is no whole list.
        """
        for _page in range(MOST_PAGES):
            page = self.ask(call)
            yield from self.rows_of(page, call, lets_pass=lets_pass)
            link = text(page, "@odata.nextLink")
            if not link:
                return
            call = Call(call.operation, self.relative(link, call), headers=call.headers)
        raise codes.damaged(self.where(call))

    def rows_of(
        self, page: Mapping[str, Any], call: Call, *, lets_pass: bool = False
    ) -> list[Mapping[str, Any]]:
        """The rows of one page; `lets_pass`: without those that are no objects.

        Raises:
            Transient: it is no page, or a row of it is no object: what that hides would count as
                not there.
        """
        found = page.get("value")
        if not isinstance(found, list):
            raise codes.damaged(self.where(call))
        rows: list[Mapping[str, Any]] = [row for row in found if isinstance(row, dict)]
        if len(rows) < len(found) and not lets_pass:
            raise codes.damaged(self.where(call))
        return rows

    def relative(self, link: str, call: Call) -> str:
        """A link that an answer gave, as a URL of ours.

        Raises:
            Transient: it leads elsewhere.
        """
        try:
            return links.relative(self.settings.base_url, link)
        except links.LeadsElsewhere:
            raise codes.damaged(self.where(call)) from None

    def send(self, call: Call) -> Answer:
        """Send one request, and once more with a new token where the token was refused.

        Raises:
            ExchangeError: no answer came.
        """
        token = self.settings.tokens.get()
        with self._on_the_line(call):
            answer = self._once(call, token)
            if answer.status != requests.codes.unauthorized:
                return answer
            return self._once(call, self.settings.tokens.get(refused=token))

    @contextmanager
    def _on_the_line(self, call: Call) -> Iterator[None]:
        """Not more than so many at once to a mailbox."""
        email = call.email or self.email
        if not email:
            yield
            return
        line = self._session.line_to(email, self.settings.calls_per_mailbox)
        if not line.acquire(timeout=sum(transport.timeouts())):
            raise codes.line_is_busy(self.where(call))
        try:
            yield
        finally:
            line.release()

    def _once(self, call: Call, token: str) -> Answer:
        self.requests += 1
        name = str(uuid.uuid4())
        try:
            return self._over_http(call, token, name)
        except ExchangeError:
            raise
        except (requests.RequestException, OSError) as error:
            where = self.where(call)
            kind = type(error).__name__
            log.info(
                "%s at %s: %s, client-request-id %s", where.operation, where.server, kind, name
            )
            failure = failures.of_connection(error, where.server, is_write=where.is_write)
        # What requests says quotes addresses with ids and stamps: no traceback tells it.
        raise failure

    def _over_http(self, call: Call, token: str, name: str) -> Answer:
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "client-request-id": name,
            **prefer(),
            **call.headers,
        }
        with self._session.http.request(
            call.method,
            f"{self.settings.base_url}{call.url}",
            json=None if call.body is None else dict(call.body),
            headers=headers,
            timeout=transport.timeouts(),
            stream=True,
        ) as response:
            return _answer(response)


def _answer(response: requests.Response) -> Answer:
    """Read an answer to its end, or to where it is too large.

    Raises:
        requests.RequestException: it breaks off.
    """
    found = transport.content(response, LARGEST_ANSWER)
    if found is None:
        return _judgeable(response, {}, is_damaged=True)
    if not found:
        return _judgeable(response, {}, is_damaged=response.status_code == requests.codes.ok)
    try:
        body = json.loads(found)
    except (ValueError, RecursionError):
        body = None
    is_object = isinstance(body, dict)
    return _judgeable(response, body if is_object else {}, is_damaged=not is_object)


def _judgeable(response: requests.Response, body: Mapping[str, Any], *, is_damaged: bool) -> Answer:
    return Answer(
        response.status_code,
        body,
        retry_after=response.headers.get("Retry-After", ""),
        is_damaged=is_damaged,
        request_id=request_id(response.headers.get("request-id", "")),
    )


def request_id(told: str) -> str:
    """Microsoft's name for a request; anything else may be a text of anybody's."""
    return told if _REQUEST_ID.fullmatch(told) else ""
