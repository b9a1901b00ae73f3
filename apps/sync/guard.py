"""Losses that are many wait for a person; one or two are carried out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

# Nothing is many that is not at least so many: of all, of more than a third, of a day.
MANY_OF_ALL = 2
MANY_OF_A_THIRD = 3
MANY_A_DAY = 10


def are_many(lost: int, known: int, recent: int) -> bool:
    """Whether so many are lost that it may be no person's will. A series counts as one.

    `known` counts all that lie in the future, the lost ones among them; `recent` what was lost in
    the last 24 hours without anyone's approval.
    """
    if not lost:
        return False
    all_of_them = lost >= MANY_OF_ALL and lost == known
    a_third = lost >= MANY_OF_A_THIRD and 3 * lost > known
    return all_of_them or a_third or lost + recent > MANY_A_DAY


def series_count(item_ids: Collection[str]) -> int:
    """Singles and series, each once."""
    return len(set(item_ids))
