"""Where the wires get their access tokens from. Pure."""

from __future__ import annotations

from typing import Protocol


class Tokens(Protocol):
    """The access tokens of a connection, for one API."""

    def get(self, refused: str = "") -> str:
        """A token that is valid now; `refused` is one that was just answered with 401.

        That one is not given back: it is renewed, once for all who saw it refused.

        Raises:
            AuthenticationFailed: Microsoft gives no token any more.
            Transient: it could not be asked.
        """
        ...
