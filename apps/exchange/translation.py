"""The port for ids: what an item is called over one wire, and what over the other. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Translator(Protocol):
    """The ids of one mailbox. That an id can be translated does not say that its item is there."""

    def to_graph(self, ids: Sequence[str]) -> Mapping[str, str]:
        """Ids of EWS, each with the immutable id of Graph; those that have none are left out.

        Raises:
            AccessDenied: the grant does not cover it.
            ExchangeError: as for any request.
        """
        ...

    def to_ews(self, ids: Sequence[str]) -> Mapping[str, str]:
        """The other way round."""
        ...

    def is_same_folder(self, ews_id: str, graph_id: str) -> bool:
        """Whether a folder that EWS calls so is the one that Graph calls so. Makes no request."""
        ...
