"""Losses that are many wait for a person; one or two are carried out. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apps.sync.operations import CancelLocal, Forget, Held, RemoveRemote, TakeOver, UpdateLocal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from apps.exchange.calendar import EventKey
    from apps.sync.draft import Draft, Removal
    from apps.sync.operations import Operation
    from apps.sync.pairing import Pair

# Nothing is many that is not at least so many: of all, of more than a third, of a day.
MANY_OF_ALL = 2
MANY_OF_A_THIRD = 3
MANY_A_DAY = 10


@dataclass(frozen=True, slots=True)
class Known:
    """The events of the future that are paired, those that are lost among them."""

    keys: frozenset[EventKey]

    @property
    def items(self) -> int:
        return series_count(self.keys)


def are_many(lost: Collection[EventKey], known: Known, recent: int) -> bool:
    """Whether so many are lost that it may be no person's will. A series counts as one.

    `recent` counts what was lost in the last 24 hours without anyone's approval.
    """
    count = series_count(lost)
    if not count:
        return False
    # A series is not lost as long as one occurrence is left.
    all_of_them = count >= MANY_OF_ALL and known.keys <= set(lost)
    a_third = count >= MANY_OF_A_THIRD and 3 * count > known.items
    return all_of_them or a_third or count + recent > MANY_A_DAY


def series_count(keys: Iterable[EventKey]) -> int:
    """Singles and series, each once."""
    return len({key.item_id for key in keys})


def let_through(draft: Draft, pairs: Iterable[Pair]) -> None:
    """Plan the removals on either side, unless they are many: then each waits for its own decision."""
    known = Known(
        frozenset(
            pair.link.key
            for pair in pairs
            if pair.remote is not None and pair.remote.ends_at > draft.now
        )
    )
    _guard(draft, draft.losses, known, draft.policy.recent_losses, is_loss=True)
    _guard(draft, draft.deletions, known, draft.policy.recent_deletions, is_loss=False)


def _guard(
    draft: Draft, removals: list[Removal], known: Known, recent: int, *, is_loss: bool
) -> None:
    waiting = []
    for pair, operation in removals:
        if pair.link.decision == "apply":
            draft.decided.add(pair.link.id)
            draft.operations.append(replace(operation, is_approved=True))
        elif pair.link.decision == "keep":
            draft.decided.add(pair.link.id)
            draft.operations.append(_kept(pair, operation))
        else:
            waiting.append((pair, operation))
    many = are_many([pair.link.key for pair, _operation in waiting], known, recent)
    for pair, operation in waiting:
        # Once held, it waits for a person, whatever the others do.
        if many or pair.link.is_held:
            draft.held.append(Held(pair.link.id, is_loss))
        else:
            draft.operations.append(operation)


def _kept(pair: Pair, operation: CancelLocal | RemoveRemote) -> Operation:
    """A lost event's booking stays, and is sent again; a deletion is undone."""
    link, local = pair.link, pair.local
    if isinstance(operation, CancelLocal):
        return Forget(link.id) if local.is_ours else TakeOver(link.id, local.id, local.revision)
    if local.is_elsewhere or pair.remote is None:
        # The booking has another resource now: what stays here is an event like any other.
        return Forget(link.id)
    return UpdateLocal(link.id, local.id, local.revision, pair.remote)
