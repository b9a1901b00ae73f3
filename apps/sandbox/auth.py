"""Who is at the door: Basic and NTLM sign-in, refusals counted per account, and Bearer tokens.

NTLM signs in a TCP connection, not a request (MS-NTHT); its two answers without a sign-in are no refusals.
"""

from __future__ import annotations

import base64
import binascii
import os
import struct
import tempfile
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

import spnego
from spnego._ntlm_raw.crypto import ntowfv1

from apps.sandbox.identity import callers
from apps.sandbox.store.model import Account, MailboxKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.sandbox.store import Store
    from apps.sandbox.store.model import SignIn

_NTLM_NEGOTIATE = 1
_NTLM_AUTHENTICATE = 3
_OFFERS: dict[SignIn, str] = {"ntlm": "NTLM", "basic": 'Basic realm="{realm}"'}
BEARER = 'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", error="invalid_token"'
_user_file_lock = threading.Lock()


@dataclass
class Connection:
    """What one TCP connection remembers: an NTLM exchange under way, and who it signed in."""

    context: Any = None
    account: Account | None = None


@dataclass
class NotSignedIn(Exception):
    """401, with what WWW-Authenticate lists. `refused`: credentials were given and were wrong."""

    challenges: list[str]
    refused: str = ""


class AppNotAllowed(Exception):
    """403: the organisation has not put the application on its list of those that may still use EWS."""

    def __init__(self, app: str) -> None:
        super().__init__("EWS is disabled for this application in this organization.")
        self.app = app


@dataclass
class SignIns:
    """Sign-ins to one server. `lock_after`: so many refusals lock an account; None: never."""

    accounts: Store
    lock_after: int | None = None
    refused: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, authorization: str, host: str, connection: Connection) -> Account:
        """Answer who sends a request. Raises NotSignedIn and AppNotAllowed."""
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() == "basic":
            return self._basic(credentials.strip(), host)
        if scheme.lower() == "ntlm":
            return self._ntlm(credentials.strip(), host, connection)
        if scheme.lower() == "bearer":
            return self._bearer(authorization, host)
        if connection.account is not None and not authorization:
            return connection.account
        raise NotSignedIn(self.offers(host))

    def offers(self, host: str) -> list[str]:
        """List what a server offers to who has not signed in; a server is told by its name."""
        organisations = list(self.accounts.organisations.values())
        named = [
            one for one in organisations if one.server.lower() == host.lower()
        ] or organisations
        kinds: set[SignIn] = set()
        for organisation in named:
            for account in organisation.accounts.values():
                kinds |= account.sign_ins
        realm = host or "exchange"
        return [offer.format(realm=realm) for kind, offer in _OFFERS.items() if kind in kinds]

    def is_locked(self, account: Account) -> bool:
        """Tell whether too many refusals have locked an account."""
        return self.lock_after is not None and self.refused[account.login] >= self.lock_after

    def forget(self) -> None:
        """Count refusals from nought again; this unlocks accounts."""
        with self._lock:
            self.refused.clear()

    def _basic(self, credentials: str, host: str) -> Account:
        try:
            name, _, password = base64.b64decode(credentials).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise NotSignedIn(self.offers(host)) from None
        account = self.accounts.sign_in(name, password, "basic")
        if account is None or self.is_locked(account):
            raise self._refusal(name, host)
        return account

    def _bearer(self, authorization: str, host: str) -> Account:
        """Answer a service account that may do what the token allows."""
        try:
            caller = callers.caller(self.accounts, authorization, "ews")
        except callers.TokenRefused:
            raise NotSignedIn([BEARER, *self.offers(host)]) from None
        if caller.app_id not in caller.organisation.ews_allowed_apps:
            raise AppNotAllowed(caller.app_id)
        if caller.account is None:
            return _application(self.accounts, caller)
        if "EWS.AccessAsUser.All" not in caller.scopes:
            raise NotSignedIn([BEARER, *self.offers(host)])
        return Account(
            name=caller.account.upn,
            login=caller.account.upn,
            password="",
            organisation=caller.organisation.domain,
            rights=dict(caller.account.rights),
        )

    def _ntlm(self, token: str, host: str, connection: Connection) -> Account:
        try:
            message = base64.b64decode(token)
            kind = struct.unpack_from("<I", message, 8)[0]
        except (binascii.Error, struct.error):
            raise NotSignedIn(self.offers(host)) from None
        if kind == _NTLM_NEGOTIATE:
            with _user_file("", "", ""):  # asked for here, and read only at the last step
                connection.context = spnego.server(protocol="ntlm")
            challenge = connection.context.step(message) or b""
            raise NotSignedIn([f"NTLM {base64.b64encode(challenge).decode()}"])
        context, connection.context, connection.account = connection.context, None, None
        if kind != _NTLM_AUTHENTICATE or context is None:
            raise NotSignedIn(self.offers(host))
        connection.account = self._authenticated(context, message, host)
        return connection.account

    def _authenticated(self, context: Any, message: bytes, host: str) -> Account:
        """Check an NTLM answer against the password of the account that it names."""
        domain, user = _named(message)
        name = f"{domain}\\{user}" if domain else user
        account = self.accounts.account(name)
        if account is None or "ntlm" not in account.sign_ins or self.is_locked(account):
            raise self._refusal(name, host)
        with _user_file(domain, user, account.password):
            try:
                context.step(message)
            except spnego.exceptions.SpnegoError:
                raise self._refusal(name, host) from None
        return account

    def _refusal(self, name: str, host: str) -> NotSignedIn:
        account = self.accounts.account(name)
        login = account.login if account else name
        with self._lock:
            self.refused[login] += 1
        return NotSignedIn(self.offers(host), refused=login)


def _application(store: Store, caller: callers.Caller) -> Account:
    """Impersonation of every mailbox that `callers.right` opens, and no rights besides."""
    closed = {
        mailbox.address.lower(): callers.LEVELS[0]
        for mailbox in store.mailboxes(caller.organisation.domain)
        if callers.right(store, caller, mailbox) != "editor"
    }
    return Account(
        name=caller.app_id,
        login=caller.app_id,
        password="",
        organisation=caller.organisation.domain,
        impersonates=frozenset(get_args(MailboxKind)),
        rights=closed,
    )


def _named(message: bytes) -> tuple[str, str]:
    """Read domain and user out of an NTLM AUTHENTICATE_MESSAGE (MS-NLMP 2.2.1.3)."""
    unicode = struct.unpack_from("<I", message, 60)[0] & 1
    found: list[str] = []
    for position in (28, 36):
        length, _, offset = struct.unpack_from("<HHI", message, position)
        raw = message[offset : offset + length]
        found.append(raw.decode("utf-16-le" if unicode else "cp437", "replace"))
    return found[0], found[1]


@contextmanager
def _user_file(domain: str, user: str, password: str) -> Iterator[None]:
    """Put the one user who is signing in where spnego looks: as a hash, so that any password will do.

    The file has no name but its descriptor's, so that nothing of it stays, however this process ends.
    """
    name = f"{domain}\\{user}" if domain else user
    digest = ntowfv1(password).hex()
    with _user_file_lock, tempfile.TemporaryFile() as file:
        file.write(f"{name}:0:{'0' * 32}:{digest}:[U]:LCT-00000000\n".encode())
        file.seek(0)
        os.environ["NTLM_USER_FILE"] = f"/dev/fd/{file.fileno()}"
        try:
            yield
        finally:
            del os.environ["NTLM_USER_FILE"]
