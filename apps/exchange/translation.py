"""The port for ids: what an item is called over one wire, and what over the other. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


# A folder has no immutable id: what Graph calls it is EWS's id in the alphabet of addresses.
_IN_ADDRESSES = str.maketrans("/+", "-_")


def is_same_folder(one: str, other: str) -> bool:
    """Whether two ids, of either wire, name one folder of one mailbox."""
    return one.translate(_IN_ADDRESSES) == other.translate(_IN_ADDRESSES)


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
