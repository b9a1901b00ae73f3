"""The check of a connection, stage by stage: what only the row knows, and then the wire's own stages.

Nothing is stored here but in the attributes of the connection that is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apps.exchange.address import ews_url
from apps.exchange.errors import AuthenticationFailed, ExchangeError, Misconfigured
from apps.exchange.secrets import SecretUnreadable, unseal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.exchange.models import ExchangeConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A tick with what was found, or the cause, what to do, and the command where there is one."""

    name: str
    ok: bool = True
    words: str = ""
    fix: str = ""
    command: str = ""
    # The account is refused as such: no calendar may try it again.
    stops: bool = False


def walk(connection: ExchangeConnection, email: str = "") -> Iterator[Stage]:
    """Each stage as it ends; the last one is the first that failed. `email`: the mailbox to open."""
    email = email or connection.try_email
    if connection.is_microsoft:
        yield from _at_microsoft(connection, email)
    else:
        yield from _over_ews(connection, email)


def _at_microsoft(connection: ExchangeConnection, email: str) -> Iterator[Stage]:
    from apps.exchange.microsoft import check, permissions  # noqa: PLC0415 -- as below

    is_good = True
    for told in check.signed_in(connection):
        is_good = told.error is None
        yield _stage(told.name, told.words, told.error)
    if not is_good:
        return
    if connection.wire == connection.Wire.EWS:
        for stage in _over_ews(connection, email):
            found = permissions.over_ews(connection, email, stage)
            connection.permissions = permissions.as_rows(found)
            yield stage
        return
    for told in check.over_graph(connection, email):
        yield _stage(told.name, told.words, told.error)


def _over_ews(connection: ExchangeConnection, email: str) -> Iterator[Stage]:
    # Pages import this module, and have no use for exchangelib, which is slow to load.
    from apps.exchange.ews import check  # noqa: PLC0415

    try:
        found = _find_server(connection)
    except ExchangeError as exc:
        yield _failed(_stage_of(exc), exc)
        return
    if found:
        yield Stage(name="autodiscover", words=found)
    for told in check.check(connection.settings, email):
        if told.auth:
            connection.sign_in = told.auth
        if told.step is check.Step.VERSION:
            connection.server_version = told.words[:100]
        yield _stage(told.step.value, told.words, told.error)
        if told.error is not None:
            return


def _stage(name: str, words: str, error: ExchangeError | None) -> Stage:
    return Stage(name=name, words=words) if error is None else _failed(name, error)


def _find_server(connection: ExchangeConnection) -> str:
    """Settle where the server is; what autodiscover found, if it was asked.

    It knows mailboxes alone, and a service account need not have one: then the mailbox to try leads
    to the server.

    Raises:
        ExchangeError: it found nothing, or the account was refused.
    """
    if connection.is_microsoft:
        # Where Microsoft is, is known.
        return ""
    from apps.exchange.ews import autodiscover  # noqa: PLC0415 -- as above

    password = unseal(connection.sealed_password)
    if connection.server:
        connection.server_url = ews_url(connection.server)
        return ""
    account = autodiscover.Account(
        email=connection.email,
        username=connection.username or connection.email,
        password=password,
        ca_pem=connection.ca_pem,
    )
    try:
        found = autodiscover.ews_url(account)
    except Misconfigured:
        if connection.try_email.lower() == connection.email.lower():
            raise
        found = autodiscover.ews_url(replace(account, email=connection.try_email))
    connection.server_url = found
    return found


def _failed(name: str, exc: ExchangeError) -> Stage:
    from apps.exchange.ews.codes import SwitchedOff  # noqa: PLC0415 -- as above

    return Stage(
        name=name,
        ok=False,
        words=exc.cause,
        fix=exc.fix,
        command=exc.command,
        stops=isinstance(exc, AuthenticationFailed | SwitchedOff),
    )


def _stage_of(exc: ExchangeError) -> str:
    if isinstance(exc, SecretUnreadable):
        return "password"
    return "sign-in" if isinstance(exc, AuthenticationFailed) else "autodiscover"
