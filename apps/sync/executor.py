"""Carry a plan out: one operation after another, each committed with the link that tells of it.

It decides nothing. A row that moved on since the plan was made, or a stale change key, sets the
operation aside for the next plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any, assert_never, cast

from django.db import DataError, IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.bookings.errors import BookingError
from apps.exchange.calendar import Window
from apps.exchange.errors import NotFound, Rejected, StaleChangeKey
from apps.sync import here, mirror, there
from apps.sync import operations as op
from apps.sync.models import SyncChange

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apps.sync.session import Session


# What the database, or the calendar of the language, says of a row that it does not take.
CANNOT_STORE = (DataError, IntegrityError, OverflowError, ValueError)


# Events that are booked at one stroke: from so many on, and at most.
AT_ONE_STROKE, MOST = 2, 100


@dataclass(slots=True)
class Result:
    """What came of a plan."""

    done: int = 0
    set_aside: int = 0
    # The mailbox was written to, or a row moved on: look, and plan, again.
    is_stale: bool = False


def execute(plan: op.Plan, session: Session) -> Result:
    """Carry out every operation that can be.

    Raises:
        LeaseLost, TimeIsUp, and of the Exchange family what stops more than one event.
    """
    result = Result()
    at = 0
    while at < len(plan.operations):
        alike = _bookings_from(plan.operations, at)
        if len(alike) < AT_ONE_STROKE or not _create_together(alike, session, result):
            for number in range(at, at + max(len(alike), 1)):
                following = plan.operations[number + 1 : number + 2]
                session.next_range = _range_to_be_free(*following)
                _execute_one(plan.operations[number], session, result)
        at += max(len(alike), 1)
    return result


def _execute_one(operation: op.Operation, session: Session, result: Result) -> None:
    session.tick()
    try:
        facts = _carry_out(operation, session)
    except StaleChangeKey as exc:
        # Refused as of the version that was just read, another look in the same run helps nothing.
        result.is_stale = result.is_stale or operation not in session.waiting
        session.waiting.add(operation)
        _set_aside(operation, session, result, str(exc))
    except (NotFound, BookingError) as exc:
        result.is_stale = True
        _set_aside(operation, session, result, str(exc))
    except Rejected as exc:
        words = exc.cause or _("The server refused this event.")
        there.back_off(cast("op.RemoteOperation", operation), session, words)
        _set_aside(operation, session, result, words)
    except CANNOT_STORE as exc:
        _cannot_store(operation, session, result, exc)
    else:
        if facts is None:
            _wait(operation, session, result)
            return
        result.done += 1
        _tell(operation, session, facts)


def _bookings_from(operations: Sequence[op.Operation], at: int) -> list[op.CreateLocal]:
    """The events of Exchange that are booked next, as far as they come one after another."""
    following = takewhile(lambda one: isinstance(one, op.CreateLocal), operations[at : at + MOST])
    return cast("list[op.CreateLocal]", list(following))


def _create_together(
    operations: Sequence[op.CreateLocal], session: Session, result: Result
) -> bool:
    """Book them at one stroke; False where one of them breaks a rule, and nothing was done.

    A first sync books hundreds, and each by itself costs a dozen questions to the database.
    """
    session.tick()
    try:
        with transaction.atomic():
            session.lease.commit()
            done = SyncChange.Outcome.DONE
            SyncChange.objects.bulk_create(
                _change(operation, session, done, facts, "")
                for operation, facts in zip(
                    operations, here.create(operations, session), strict=True
                )
            )
    except (BookingError, *CANNOT_STORE):
        return False
    result.done += len(operations)
    return True


def _cannot_store(
    operation: op.Operation, session: Session, result: Result, exc: Exception
) -> None:
    """Something about this one event breaks a rule of ours: the others go on."""
    # The database's own words would tell what the row holds.
    words = _("This event cannot be kept as a booking (%(error)s).") % {"error": type(exc).__name__}
    remote = getattr(operation, "remote", None)
    if remote is not None:
        with transaction.atomic():
            session.lease.commit()
            mirror.set_aside(session, remote.key, words)
    _set_aside(operation, session, result, words)


def _wait(operation: op.Operation, session: Session, result: Result) -> None:
    """Someone is in the way: the next plan finds the conflict in the mirror, if it is one."""
    if operation in session.waiting:
        words = _("Something else has this time in Exchange.")
        _set_aside(operation, session, result, words)
        return
    session.waiting.add(operation)
    result.is_stale = True


def _range_to_be_free(operation: op.Operation | None = None) -> Window | None:
    """Where nobody may be before this operation is written."""
    match operation:
        case op.CreateRemote(content=content):
            return Window(content.starts_at, content.ends_at)
        case op.UpdateRemote(content=content, parts=parts) if parts.time:
            return Window(content.starts_at, content.ends_at)
    return None


def _carry_out(operation: op.Operation, session: Session) -> dict[str, Any] | None:
    """Do it, and say what was before and after; None where it has to wait."""
    match operation:
        case op.CreateRemote():
            return there.create(operation, session)
        case op.UpdateRemote():
            return there.update(operation, session)
        case op.RemoveRemote():
            return there.remove(operation, session)
        case op.RemoveTwin():
            return there.remove_twin(operation, session)
        case _:
            with transaction.atomic():
                session.lease.commit()
                return _here(operation, session)()


def _here(  # noqa: C901, PLR0911, PLR0912 -- a line an operation; mypy sees that none is missing
    operation: op.LocalOperation, session: Session
) -> Callable[[], dict[str, Any]]:
    match operation:
        case op.CreateLocal():
            return lambda: here.create([operation], session)[0]
        case op.TakeTime():
            return partial(here.take_time, operation, session)
        case op.UpdateLocal():
            return partial(here.update, operation, session)
        case op.ReleaseLocal():
            return partial(here.release, operation)
        case op.CancelLocal():
            return partial(here.cancel, operation)
        case op.CancelAsStaff():
            return partial(here.cancel_as_staff, operation)
        case op.TakeOver():
            return partial(here.take_over, operation)
        case op.ClearClash():
            return partial(here.clear_clash, operation)
        case op.Adopt():
            return partial(here.adopt, operation, session)
        case op.Relink():
            return partial(here.relink, operation)
        case op.Agree():
            return partial(here.agree, operation)
        case op.Retire():
            return partial(here.retire, operation)
        case op.Forget():
            return partial(here.forget, operation)
        case _ as unreachable:
            assert_never(unreachable)


def _set_aside(operation: op.Operation, session: Session, result: Result, words: str) -> None:
    result.set_aside += 1
    last = (
        SyncChange.objects.filter(
            calendar=session.calendar,
            operation=type(operation).__name__,
            booking=getattr(operation, "booking_id", None),
        )
        .order_by("pk")
        .last()
    )
    # Told once, not at every try.
    if last is None or last.outcome != SyncChange.Outcome.SET_ASIDE or last.words != words:
        _write_change(operation, session, SyncChange.Outcome.SET_ASIDE, {}, words)


def _tell(operation: op.Operation, session: Session, facts: dict[str, Any]) -> None:
    # What only moves our own pencil marks is no news for anybody.
    if not isinstance(operation, op.Agree | op.Retire | op.ClearClash):
        _write_change(operation, session, SyncChange.Outcome.DONE, facts, "")


def _write_change(
    operation: op.Operation,
    session: Session,
    outcome: SyncChange.Outcome,
    facts: dict[str, Any],
    words: str,
) -> None:
    _change(operation, session, outcome, facts, words).save(force_insert=True)


def _change(
    operation: op.Operation,
    session: Session,
    outcome: SyncChange.Outcome,
    facts: dict[str, Any],
    words: str,
) -> SyncChange:
    is_removal = isinstance(operation, op.CancelLocal | op.RemoveRemote)
    counts = is_removal and not getattr(operation, "is_approved", False)
    if isinstance(operation, op.CancelLocal):
        counts = counts and operation.is_loss
    return SyncChange(
        run=session.run,
        calendar=session.calendar,
        booking_id=facts.get("booking_id", getattr(operation, "booking_id", None)),
        operation=type(operation).__name__,
        is_loss=counts,
        before=facts.get("before", {}),
        after=facts.get("after", {}),
        outcome=outcome,
        words=words,
        at=session.clock(),
    )
