"""The way back to the application: its address, with what it is told in the query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from apps.sandbox.ews.service import Outcome

if TYPE_CHECKING:
    from apps.sandbox.identity.refusals import Refusal
    from apps.sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """A redirect address that is registered, and the state that goes back with every answer."""

    address: str
    state: str | None

    @property
    def origin(self) -> str:
        """Where the address lies; browsers ask for it before they follow a redirect after a form."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    def url(self, **arguments: str) -> str:
        """Write the address with what is told."""
        if self.state is not None:
            arguments["state"] = self.state
        return f"{self.address}{'&' if '?' in self.address else '?'}{urlencode(arguments)}"

    def tell(self, **arguments: str) -> Outcome:
        """Send the browser there."""
        return Outcome(302, b"", {"Location": self.url(**arguments), "Cache-Control": "no-store"})

    def refused(self, store: Store, refusal: Refusal, **more: str) -> Outcome:
        """Send the browser there with a refusal."""
        outcome = self.tell(**refusal.arguments(store.now()), **more)
        outcome.codes = (refusal.name,)
        return outcome
