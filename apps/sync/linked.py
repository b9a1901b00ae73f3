"""What is done with a booking and an event that are linked: the table, turned into operations. Pure."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from apps.exchange.calendar import Parts
from apps.sync.facts import (
    Choice,
    ConflictKey,
    ConflictKind,
    ConflictPolicy,
    Local,
    Remote,
    RemoteState,
    Status,
)
from apps.sync.fingerprint import normal, time_part
from apps.sync.operations import (
    Agree,
    CancelLocal,
    Forget,
    Found,
    Held,
    ReleaseLocal,
    RemoveRemote,
    Retire,
    TakeTime,
    UpdateLocal,
    UpdateRemote,
)
from apps.sync.pairing import same_words, says_the_same, when
from apps.sync.table import Action, cell

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.sync.draft import Draft
    from apps.sync.pairing import Pair


# So long after it left a removal may still be what took an event away.
REMOVAL_LASTS = dt.timedelta(days=1)


def decide(draft: Draft, pair: Pair) -> None:
    """Add to the draft what the table says of this pair."""
    link, local, remote = pair.link, pair.local, pair.remote
    if remote is None or remote.state is RemoteState.UNREADABLE:
        if remote is None and local.ends_at <= draft.window.starts_at:
            draft.operations.append(Retire(link.id))
        _leave_held(draft, pair)
        return
    if max(local.ends_at, remote.ends_at) <= draft.window.starts_at:
        draft.operations.append(Retire(link.id))
        return
    if not _is_in_window(draft, local, remote):
        _leave_held(draft, pair)
        return
    if _went_by_our_own_hand(draft, pair):
        draft.operations.append(Forget(link.id))
        return
    action = cell(link, local, remote)
    if remote.state is RemoteState.GONE and max(local.ends_at, remote.ends_at) <= draft.now:
        # What is over is no loss: mailboxes are tidied.
        action = Action.FORGET if local.status is Status.CANCELLED else Action.NOTHING
    _HANDLERS[action](draft, pair, remote)


def _went_by_our_own_hand(draft: Draft, pair: Pair) -> bool:
    """Whether our removal took effect after the booking was restored: it is sent again."""
    at, remote = pair.link.removal_at, pair.remote
    return (
        remote is not None
        and remote.state is RemoteState.GONE
        and pair.local.is_ours
        and pair.local.status is Status.CONFIRMED
        and at is not None
        and draft.now - at < REMOVAL_LASTS
    )


def _leave_held(draft: Draft, pair: Pair) -> None:
    """What is held, and what was decided about it, stays until the event can be judged again."""
    if pair.link.is_held:
        draft.unclear.add(pair.link.id)


def _is_in_window(draft: Draft, local: Local, remote: Remote) -> bool:
    return any(draft.window.overlaps(side.starts_at, side.ends_at) for side in (local, remote))


def _nothing(draft: Draft, pair: Pair, remote: Remote) -> None:
    link, local = pair.link, pair.local
    if not local.is_ours and link.pushed_revision != local.revision and remote.blocks:
        draft.operations.append(Agree(link.id, local.revision, remote.fingerprint))


def _take(draft: Draft, pair: Pair, remote: Remote) -> None:
    """Time is both sides', the rest of a booking of ours is ours alone."""
    link, local = pair.link, pair.local
    is_elsewhen = when(local) != when(remote)
    is_moved = is_elsewhen or local.content.is_all_day != remote.is_all_day
    if is_moved and time_part(remote.fingerprint) != time_part(link.fingerprint):
        draft.operations.append(TakeTime(link.id, local.id, local.revision, remote))
    elif not is_elsewhen and same_words(local, remote):
        draft.operations.append(Agree(link.id, local.revision, remote.fingerprint))
    else:
        _put_back(draft, pair, remote)


def _put_back(draft: Draft, pair: Pair, remote: Remote) -> None:
    """Overwrite what was changed of ours; the same change a second time is a conflict."""
    if remote.fingerprint == pair.link.restored_fingerprint:
        _both_changed(draft, pair, remote)
    else:
        _write(draft, pair, remote, restores=remote.fingerprint)


def _update_remote(draft: Draft, pair: Pair, remote: Remote) -> None:
    if remote.blocks and says_the_same(pair.local, remote):
        draft.operations.append(Agree(pair.link.id, pair.local.revision, remote.fingerprint))
    else:
        _write(draft, pair, remote)


def _write(draft: Draft, pair: Pair, remote: Remote, restores: str = "") -> None:
    local = pair.local
    moves = when(local) != when(remote) or (
        # What Exchange calls all-day stays so while only our words are put back.
        not restores and local.content.is_all_day != remote.is_all_day
    )
    if moves and local.id in draft.blocked:
        return
    if draft.is_refused(pair.link, local) or not draft.may_mail(local, remote):
        return
    parts = Parts(
        subject=normal(local.content.subject) != normal(remote.subject),
        time=moves,
        show_as=not remote.blocks,
    )
    draft.operations.append(
        UpdateRemote(
            pair.link.id,
            local.id,
            local.revision,
            remote.ref,
            local.content,
            parts,
            restores,
            draft.allowed(local.id),
            remote.fingerprint,
        )
    )


def _update_local(draft: Draft, pair: Pair, remote: Remote) -> None:
    draft.operations.append(UpdateLocal(pair.link.id, pair.local.id, pair.local.revision, remote))


def _release_local(draft: Draft, pair: Pair, remote: Remote) -> None:
    draft.operations.append(ReleaseLocal(pair.link.id, pair.local.id, pair.local.revision, remote))


def _cancel_local(draft: Draft, pair: Pair, remote: Remote) -> None:
    is_loss = remote.state is RemoteState.GONE
    operation = CancelLocal(pair.link.id, pair.local.id, pair.local.revision, is_loss)
    if is_loss:
        draft.losses.append((pair, operation))
    else:
        draft.operations.append(operation)


def _remove_remote(draft: Draft, pair: Pair, remote: Remote) -> None:
    link, local = pair.link, pair.local
    if remote.ends_at <= draft.now or draft.is_refused(link, local):
        return
    # Declining mails as well: that was chosen with the cancellation.
    if not remote.is_invitation and not draft.may_mail(local, remote):
        return
    operation = RemoveRemote(
        link.id,
        local.id,
        local.revision,
        remote.ref,
        remote.is_invitation,
        seen=remote.fingerprint,
    )
    if draft.policy.is_first_sync and remote.is_invitation and not link.decision:
        # Declining mails the organiser, and a first sync never mails by itself.
        draft.held.append(Held(link.id, is_loss=False))
    else:
        draft.deletions.append((pair, operation))


def _forget(draft: Draft, pair: Pair, _remote: Remote) -> None:
    draft.operations.append(Forget(pair.link.id))


def _both_changed(draft: Draft, pair: Pair, remote: Remote) -> None:
    local = pair.local
    if remote.blocks and says_the_same(local, remote):
        draft.operations.append(Agree(pair.link.id, local.revision, remote.fingerprint))
        return
    key = ConflictKey(ConflictKind.BOTH_CHANGED, local.id, pair.link.key)
    versions = f"{local.revision}:{remote.state}:{remote.fingerprint}"
    by_policy = {
        ConflictPolicy.EXCHANGE: Choice.EXCHANGE,
        ConflictPolicy.OURS: Choice.OURS,
    }.get(draft.policy.conflicts)
    choice = draft.choice(key, versions, by_policy)
    if choice is Choice.OURS:
        _enforce_ours(draft, pair, remote)
    elif choice is Choice.EXCHANGE:
        _accept_exchanges(draft, pair, remote)
    else:
        draft.conflicts.append(Found(key, versions))


def _enforce_ours(draft: Draft, pair: Pair, remote: Remote) -> None:
    if remote.blocks or remote.state is RemoteState.FREE:
        _write(draft, pair, remote)
    else:
        # Its event is no more: with the link forgotten it is sent again.
        draft.operations.append(Forget(pair.link.id))


def _accept_exchanges(draft: Draft, pair: Pair, remote: Remote) -> None:
    link, local = pair.link, pair.local
    if remote.blocks:
        draft.operations.append(TakeTime(link.id, local.id, local.revision, remote, accepts=True))
    elif remote.state is RemoteState.FREE:
        draft.operations.append(ReleaseLocal(link.id, local.id, local.revision, remote))
    else:
        draft.operations.append(CancelLocal(link.id, local.id, local.revision, is_approved=True))


_HANDLERS: dict[Action, Callable[[Draft, Pair, Remote], None]] = {
    Action.NOTHING: _nothing,
    Action.TAKE: _take,
    Action.PUT_BUSY_BACK: _put_back,
    Action.UPDATE_REMOTE: _update_remote,
    Action.REMOVE_REMOTE: _remove_remote,
    Action.UPDATE_LOCAL: _update_local,
    Action.REINSTATE: _update_local,
    Action.RELEASE_LOCAL: _release_local,
    Action.CANCEL_LOCAL: _cancel_local,
    Action.CONFLICT: _both_changed,
    Action.FORGET: _forget,
}
