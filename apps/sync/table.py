"""The whole two-way policy for a linked pair: one state on each side, one action in each cell. Pure."""

from __future__ import annotations

from enum import StrEnum

from apps.sync.facts import Link, Local, Origin, Remote, RemoteState, Status


class Here(StrEnum):
    """Our side of a pair, since both agreed."""

    SAME = "same"
    CHANGED = "changed"
    CANCELLED = "cancelled by staff"
    RELEASED = "released"


class There(StrEnum):
    """Exchange's side."""

    SAME = "same"
    CHANGED = "changed"
    FREE = "free"
    CANCELLED = "cancelled"
    GONE = "gone"
    UNDECIDED = "cannot be told"


class Action(StrEnum):
    NOTHING = "-"
    TAKE = "take the time from Exchange; put our other fields back once"
    PUT_BUSY_BACK = "put busy back once"
    UPDATE_REMOTE = "update remote"
    REMOVE_REMOTE = "decline or delete remote"
    UPDATE_LOCAL = "update local"
    RELEASE_LOCAL = "release local (link stays)"
    REINSTATE = "reinstate"
    CANCEL_LOCAL = "cancel local"
    CONFLICT = "conflict"
    FORGET = "forget"


A, H, T = Action, Here, There

OURS = {
    H.SAME: {
        T.SAME: A.NOTHING,
        T.CHANGED: A.TAKE,
        T.FREE: A.PUT_BUSY_BACK,
        T.CANCELLED: A.CANCEL_LOCAL,
        T.GONE: A.CANCEL_LOCAL,
    },
    H.CHANGED: {
        T.SAME: A.UPDATE_REMOTE,
        T.CHANGED: A.CONFLICT,
        T.FREE: A.UPDATE_REMOTE,
        T.CANCELLED: A.CONFLICT,
        T.GONE: A.CONFLICT,
    },
    H.CANCELLED: {
        T.SAME: A.REMOVE_REMOTE,
        T.CHANGED: A.REMOVE_REMOTE,
        T.FREE: A.REMOVE_REMOTE,
        T.CANCELLED: A.REMOVE_REMOTE,
        T.GONE: A.FORGET,
    },
    # Only after somebody chose Exchange's version of a booking of ours that was shown as free.
    H.RELEASED: {
        T.SAME: A.REINSTATE,
        T.CHANGED: A.REINSTATE,
        T.FREE: A.NOTHING,
        T.CANCELLED: A.NOTHING,
        T.GONE: A.CANCEL_LOCAL,
    },
}
EXCHANGES = {
    H.SAME: {
        T.SAME: A.NOTHING,
        T.CHANGED: A.UPDATE_LOCAL,
        T.FREE: A.RELEASE_LOCAL,
        T.CANCELLED: A.RELEASE_LOCAL,
        T.GONE: A.CANCEL_LOCAL,
    },
    H.CANCELLED: {
        T.SAME: A.REMOVE_REMOTE,
        # Somebody asks anew.
        T.CHANGED: A.REINSTATE,
        T.FREE: A.NOTHING,
        T.CANCELLED: A.NOTHING,
        T.GONE: A.FORGET,
    },
    H.RELEASED: {
        T.SAME: A.REINSTATE,
        T.CHANGED: A.REINSTATE,
        T.FREE: A.NOTHING,
        T.CANCELLED: A.NOTHING,
        T.GONE: A.CANCEL_LOCAL,
    },
}
TABLE = {Origin.OURS: OURS, Origin.EXCHANGE: EXCHANGES}


def here(link: Link, local: Local) -> Here:
    if local.status is Status.CANCELLED:
        return Here.CANCELLED
    if local.status is Status.RELEASED:
        return Here.RELEASED
    # Of Exchange's bookings staff change nothing but that they are there.
    if local.is_ours and local.revision != link.pushed_revision:
        return Here.CHANGED
    return Here.SAME


def there(link: Link, remote: Remote | None) -> There:
    if remote is None or remote.state is RemoteState.UNREADABLE:
        return There.UNDECIDED
    if remote.state is RemoteState.BLOCKS:
        return There.SAME if remote.fingerprint == link.fingerprint else There.CHANGED
    return {
        RemoteState.FREE: There.FREE,
        RemoteState.CANCELLED: There.CANCELLED,
        RemoteState.GONE: There.GONE,
    }[remote.state]


def cell(link: Link, local: Local, remote: Remote | None) -> Action:
    """The action for a pair."""
    on_their_side = there(link, remote)
    if on_their_side is There.UNDECIDED:
        return Action.NOTHING
    return TABLE[local.origin][here(link, local)][on_their_side]
