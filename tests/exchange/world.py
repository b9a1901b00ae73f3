"""A connection as people install it, and a check whose outcome the test decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from apps.exchange.checking import Stage
from apps.exchange.models import ExchangeConnection
from apps.exchange.services import Details

SECRET = "Blue-Whale-42"
NAMES = (
    "name", "network", "encryption", "sign-in offered", "sign-in", "version", "mailbox",
)  # fmt: skip


@dataclass
class Walk:
    """Stands in for the wire's stages, which have tests of their own."""

    fails_at: str = ""
    passwords: list[str] = field(default_factory=list)
    mailboxes: list[str] = field(default_factory=list)
    during: Callable[[], object] = lambda: None

    def __call__(self, connection: ExchangeConnection, email: str = "") -> Iterator[Stage]:
        self.mailboxes.append(email or connection.try_email)
        connection.server_url = "https://mail.example.com/EWS/Exchange.asmx"
        for name in NAMES:
            if name == self.fails_at:
                yield Stage(
                    name=name,
                    ok=False,
                    words=f"No {name}.",
                    fix="Mend it.",
                    command="Get-It",
                    stops=name == "sign-in",
                )
                return
            if name == "sign-in":
                self.passwords.append(connection.settings.password)
                connection.sign_in = "ntlm"
                self.during()
            if name == "version":
                connection.server_version = "Exchange 2019"
            yield Stage(name=name)


def details(**changed: str) -> Details:
    return Details(
        **{
            "server": "mail.example.com",
            "email": "svc@example.com",
            "password": SECRET,
            "try_email": "room@example.com",
            **changed,
        }
    )
