"""One mailbox on a connection: sends an operation, gives back its response messages as XML.

exchangelib frames the request, signs in and reads SOAP faults; what a message holds is left as it
is. Its loops over API versions and back-offs are not entered: a write must leave once or not at all.
"""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests
from exchangelib.account import Identity
from exchangelib.ewsdatetime import EWSTimeZone
from exchangelib.services.common import EWSService

from apps.exchange import transport
from apps.exchange.errors import ExchangeError
from apps.exchange.ews import errors, session, xml
from apps.exchange.ews.codes import Where, by_code
from apps.exchange.ews.errors import HttpRefusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.exchange.ews.session import EwsSettings
    from apps.exchange.ews.xml import Element

API_VERSION = "Exchange2016"
_UTC = EWSTimeZone("UTC")


class _Operation(EWSService):  # type: ignore[misc]
    """One request of any operation; its answer comes out as elements."""

    def __init__(self, name: str, wire: Wire) -> None:
        self.SERVICE_NAME = name
        self._wire = wire
        super().__init__(protocol=wire.protocol)

    def send(self, payload: Element) -> tuple[Element | None, Element]:
        """The header, or None, and the body's one element."""
        response = self._get_response(payload=payload, api_version=API_VERSION)
        root = xml.parse(response.content)
        self._wire.is_answered = True
        body = xml.find(root, "s:Body")
        if body is None or len(body) == 0:
            raise xml.Damaged("It has no body.")
        fault = xml.find(body, "s:Fault")
        if fault is not None:
            self._raise_soap_errors(fault=fault)
        return xml.find(root, "s:Header"), body[0]

    @property
    def _account_to_impersonate(self) -> Identity | None:
        wire = self._wire
        if wire.settings.access != session.IMPERSONATION or not wire.email:
            return None
        return Identity(primary_smtp_address=wire.email)

    @property
    def _timezone(self) -> EWSTimeZone:
        return _UTC

    def _extra_headers(self) -> dict[str, str]:
        anchor = {"X-AnchorMailbox": self._wire.email} if self._wire.email else {}
        return anchor | self._wire.authorization


class Wire:
    """A mailbox and the way to it; with no email, the server alone."""

    def __init__(self, settings: EwsSettings, email: str) -> None:
        self.settings = settings
        self.email = email
        self.protocol = session.protocol_for(settings)
        # Of the last answer: "15.2.1544.4".
        self.server_version = ""
        self.requests = 0
        # The server let us in, whatever it said then.
        self.is_answered = False
        self._token = ""

    @property
    def authorization(self) -> dict[str, str]:
        """What signs a request in beside exchangelib; nothing with a password."""
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def where(self, operation: str, *, is_write: bool = False) -> Where:
        app_id = self.settings.app_id
        return Where(self.settings.host, self.email, operation, is_write, app_id)

    def call(self, payload: Element, *, is_write: bool = False) -> Element:
        """Send one request; its whole response element.

        Raises:
            ExchangeError: no answer, or one to the request as a whole.
        """
        name = payload.tag.rpartition("}")[2]
        self.requests += 1
        try:
            header, response = self._sent(name, payload)
        except Exception as error:
            translated = errors.translate(error, self.where(name, is_write=is_write))
            if translated is error:
                raise
            # What the server or exchangelib says may quote the request: no traceback tells it.
            raise translated from None
        if header is not None:
            self._learn_version(header)
        return response

    def _sent(self, name: str, payload: Element) -> tuple[Element | None, Element]:
        """Send it; once more with another token where the first was refused, which did nothing."""
        self._take_token()
        try:
            return _Operation(name, self).send(payload)
        except HttpRefusal as refusal:
            if not self._renew_token(refusal.status):
                raise
        return _Operation(name, self).send(payload)

    def _take_token(self) -> None:
        # Before exchangelib hands out a session: what is raised after that would keep it for ever.
        if self.settings.tokens is not None:
            self._token = self.settings.tokens.get()

    def _renew_token(self, status: int) -> bool:
        """After a refusal: whether there is another token to try, once."""
        if self.settings.tokens is None or status != requests.codes.unauthorized:
            return False
        self._token = self.settings.tokens.get(refused=self._token)
        return True

    @contextmanager
    def stream(self, payload: Element, *, silence_s: float) -> Iterator[requests.Response]:
        """Send one request whose answer stays open, on a connection of its own.

        Raises:
            requests.RequestException, Misconfigured: no answer, also later, while it is read.
        """
        operation = _Operation(payload.tag.rpartition("}")[2], self)
        protocol = session.EwsProtocol(self.settings)
        content = operation.wrap(payload, API_VERSION)

        def post(http: requests.Session) -> requests.Response:
            return http.post(
                self.settings.endpoint,
                data=content,
                headers=operation._extra_headers(),
                stream=True,
                timeout=(transport.timeouts()[0], silence_s),
            )

        try:
            self._take_token()
            with protocol.create_session() as http:
                answer = post(http)
                if self._renew_token(answer.status_code):
                    answer.close()
                    answer = post(http)
                yield answer
        finally:
            protocol.close()

    def messages(
        self, payload: Element, *, is_write: bool = False
    ) -> list[Element | ExchangeError]:
        """Send one request; of each response message the element, or what it says went wrong."""
        response = self.call(payload, is_write=is_write)
        where = self.where(payload.tag.rpartition("}")[2], is_write=is_write)
        found = xml.find(response, "m:ResponseMessages")
        # GetRoomLists and GetRooms answer without that wrapper.
        return [_judged(message, where) for message in (response,) if found is None] or [
            _judged(message, where) for message in found
        ]

    def message(self, payload: Element, *, is_write: bool = False) -> Element:
        """The only response message.

        Raises:
            ExchangeError: it says that something went wrong, or it is not there.
        """
        found = self.messages(payload, is_write=is_write)
        if not found:
            name = payload.tag.rpartition("}")[2]
            raise errors.translate(
                xml.Damaged("It has no messages."), self.where(name, is_write=is_write)
            )
        if isinstance(found[0], ExchangeError):
            raise found[0]
        return found[0]

    def _learn_version(self, header: Element) -> None:
        info = xml.find(header, "t:ServerVersionInfo")
        if info is not None:
            names = ("MajorVersion", "MinorVersion", "MajorBuildNumber", "MinorBuildNumber")
            self.server_version = ".".join(info.get(name, "0") for name in names)


def _judged(message: Element, where: Where) -> Element | ExchangeError:
    code = xml.text(message, "m:ResponseCode") or "NoError"
    kind = message.get("ResponseClass", "Success")
    if code == "NoError" or (kind == "Warning" and code != "ErrorBatchProcessingStopped"):
        return message
    details = dict(_details(message))
    # An internal error may wrap what the matter really is.
    code = details.get("InnerErrorResponseCode", code)
    wait = details.get("BackOffMilliseconds", "")
    back_off = dt.timedelta(milliseconds=int(wait)) if wait.isdecimal() else None
    return by_code(code, where, back_off=back_off)


def _details(message: Element) -> Iterator[tuple[str, Any]]:
    for value in xml.every(message, "m:MessageXml/t:Value"):
        yield value.get("Name", ""), (value.text or "").strip()
