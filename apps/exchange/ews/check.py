"""*Check*: is there a server, may we go there, is it safe, are we let in, does a mailbox open.

A generator, so that a page can show each stage as it comes; after the first that fails there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import requests
from django.utils.translation import gettext as _

from apps.exchange import transport
from apps.exchange.errors import AuthenticationFailed, ExchangeError, Misconfigured
from apps.exchange.ews import directory, errors, session
from apps.exchange.ews.calendar import EwsCalendar
from apps.exchange.ews.codes import SwitchedOff, Where, by_code
from apps.exchange.ews.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.exchange.calendar import Mailbox
    from apps.exchange.ews.session import EwsSettings

_SERVERS = {"15.1": "Exchange Server 2016", "15.2": "Exchange Server 2019", "15.20": "Exchange Online"}  # fmt: skip


class Step(StrEnum):
    NAME = "name"
    NETWORK = "network"
    ENCRYPTION = "encryption"
    SIGN_IN_OFFERED = "sign-in offered"
    SIGN_IN = "sign-in"
    VERSION = "version"
    MAILBOX = "mailbox"


@dataclass(frozen=True, slots=True)
class Stage:
    """A tick, or what happened, what to do, and the command where there is one."""

    step: Step
    # What was found, or the cause.
    words: str
    error: ExchangeError | None = None
    # The kind of sign-in that the server offers and we use; of SIGN_IN_OFFERED alone.
    auth: str = ""
    mailbox: Mailbox | None = None

    @property
    def is_passed(self) -> bool:
        return self.error is None

    @property
    def fix(self) -> str:
        return self.error.fix if self.error else ""

    @property
    def command(self) -> str:
        return self.error.command if self.error else ""


def check(settings: EwsSettings, email: str = "") -> Iterator[Stage]:
    """Walk the stages. A password is sent once; with no email no mailbox is opened."""
    for step, walk in (
        (Step.NAME, _reach),
        (Step.ENCRYPTION, _offered),
    ):
        try:
            for stage in walk(settings):
                yield stage
                step = _NEXT.get(stage.step, step)  # noqa: PLW2901 -- where a failure belongs
                if stage.auth:
                    settings = replace(settings, auth=stage.auth)
        except ExchangeError as error:
            yield _failed(step, error)
            return
    yield from _signed_in(settings, email)


_NEXT = {Step.NAME: Step.NETWORK, Step.ENCRYPTION: Step.SIGN_IN_OFFERED}


def _reach(settings: EwsSettings) -> Iterator[Stage]:
    """The name resolves, and to an address that we may connect to."""
    host, port = settings.host, settings.port
    try:
        addresses = transport.resolve(host, port)
    except OSError as error:
        raise Misconfigured(
            _("There is no server called %(server)s.") % {"server": host},
            fix=_("Look whether the address is spelt as your administrator gave it."),
        ) from error
    told = _("%(server)s is %(addresses)s.") % {"server": host, "addresses": ", ".join(addresses)}
    yield Stage(Step.NAME, _("The address was typed as a number.") if addresses == [host] else told)
    transport.checked(host, port, transport.policy())
    yield Stage(Step.NETWORK, _("This installation may connect to it."))


def _offered(settings: EwsSettings) -> Iterator[Stage]:
    """An answer came, encrypted or by special permission, and it offers a sign-in that we know."""
    where = Where(settings.host, operation="sign-in", app_id=settings.app_id)
    try:
        kinds, status = session.kinds_of_sign_in(settings)
    except requests.RequestException as error:
        raise errors.translate(error, where) from error
    is_safe = settings.endpoint.startswith("https:")
    yield Stage(
        Step.ENCRYPTION,
        _("The connection is encrypted, and the certificate is good.")
        if is_safe
        else _("The connection is not encrypted; this installation allows that here."),
    )
    if settings.auth == session.BEARER_AUTH:
        # Settled at Install, and by nobody's password.
        return
    auth = session.chosen(kinds)
    if not auth:
        if status not in (requests.codes.ok, requests.codes.unauthorized):
            raise errors.translate(errors.HttpRefusal(status), where)
        raise Misconfigured(
            _("The server offers no sign-in that we know: neither Basic nor NTLM."),
            fix=_("Switch on one of the two for the virtual directory EWS."),
            command="Get-WebServicesVirtualDirectory | Set-WebServicesVirtualDirectory -WindowsAuthentication $true",
        )
    names = {session.BASIC_AUTH: "Basic", session.NTLM_AUTH: "NTLM"}
    yield Stage(
        Step.SIGN_IN_OFFERED,
        _("The server offers a sign-in by %(kind)s.") % {"kind": names[auth]},
        auth=auth,
    )


def _signed_in(settings: EwsSettings, email: str) -> Iterator[Stage]:
    """The account is let in, the version is one that we know, the mailbox opens."""
    calendar = EwsCalendar(Wire(settings, email))
    mailbox: Mailbox | None = None
    refusal: ExchangeError | None = None
    try:
        if email:
            mailbox = calendar.open()
        else:
            # Whatever it says of room lists: who is let in, gets an answer.
            directory.get_room_lists(calendar.wire)
    except ExchangeError as error:
        refusal = error
    version = calendar.wire.server_version
    if refusal is not None and (
        isinstance(refusal, AuthenticationFailed | SwitchedOff) or not calendar.wire.is_answered
    ):
        yield _failed(Step.SIGN_IN, refusal)
        return
    yield Stage(Step.SIGN_IN, _let_in(settings))
    yield Stage(Step.VERSION, _version(version))
    if not email:
        return
    if refusal is not None:
        yield _failed(Step.MAILBOX, refusal)
    elif mailbox is not None and not mailbox.can_write:
        yield _failed(Step.MAILBOX, _read_only(calendar.wire))
    else:
        yield Stage(Step.MAILBOX, _("The calendar of %(email)s opens.") % {"email": email}, mailbox=mailbox)  # fmt: skip


def _let_in(settings: EwsSettings) -> str:
    if settings.auth == session.BEARER_AUTH and settings.access == session.IMPERSONATION:
        return _("OptixSync is let in as an application.")
    return _("The account %(name)s is let in.") % {"name": settings.username}


def _read_only(wire: Wire) -> ExchangeError:
    return by_code("ErrorCreateItemAccessDenied", wire.where("GetFolder"))


def _version(version: str) -> str:
    if not version:
        return _("The server does not tell its version.")
    major = ".".join(version.split(".")[:2])
    return f"{_SERVERS.get(major, 'Exchange')} ({version})"


def _failed(step: Step, error: ExchangeError) -> Stage:
    return Stage(step, error.cause, error)
