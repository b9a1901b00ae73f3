"""Bring the mirror up to date: pages of changes, or a full round. Gone is verified here.

No request is made inside a transaction. A page's rows and its cursor are committed together, so
that whatever happens between two pages, nothing is skipped.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from apps.exchange.calendar import CalendarEvent, EventKey, Item, Window, as_items, pages
from apps.exchange.errors import Misconfigured, NotFound, SyncStateInvalid, Transient
from apps.sync import mirror
from apps.sync.models import CalendarLink, EventLink, RemoteEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from apps.sync.session import Session

# Days of the first part of the window that is read. The next is four times as long after a part of
# few pages, and half as long after one of many, so that little is read again after a crash.
FIRST_DAYS = 16
FEW_PAGES = 1
MANY_PAGES = 3
# So many items are looked up by their ids, and then committed.
VERIFIED_AT_ONCE = 25
# Items that could not be read before are tried again, so many a run.
PROBLEMS_A_RUN = 20


def pull(session: Session) -> None:
    """Read what changed since the cursor, or everything where there is none or a round is due."""
    calendar = session.calendar
    if calendar.is_full_round_wanted or not calendar.cursor:
        is_resumed = calendar.draft_until is not None
        full_round(session)
        if not is_resumed:
            return
        # A part of what was read is from an earlier run: what changed since is read on top.
    else:
        _read_problems(session)
    try:
        while not _page(session):
            session.tick()
    except SyncStateInvalid:
        # Another mailbox may be why. The cursor is kept until the round that replaces it is whole.
        _prove_mailbox(session)
        _save(session, draft_cursor="", draft_until=None, is_full_round_wanted=True)
        full_round(session)


def full_round(session: Session) -> None:
    """Take a cursor that stands at now, then read the whole window, and look for what is missing.

    Each step is kept: a page on the way to the cursor, and each part of the window, those of the
    next days first. A run that ends in between is followed by one that goes on there. The cursor
    is taken once, before the first part: what changes after that is told by it.
    """
    calendar = session.calendar
    if not calendar.cursor and not calendar.draft_cursor:
        # A cursor is also lost when another mailbox stands behind the address.
        _prove_mailbox(session)
    if not (calendar.draft_cursor and calendar.draft_until):
        # None was begun, or somebody wanted one from the start.
        _take_cursor(session)
    # Nothing of another mailbox is read into this one's mirror.
    _prove_mailbox(session)
    _read_window(session)
    with transaction.atomic():
        mirror.tidy(session)
        _save(
            session,
            cursor=calendar.draft_cursor,
            draft_cursor="",
            draft_until=None,
            draft_days=0,
            window_from=session.window.starts_at.date(),
            window_until=session.window.ends_at.date(),
            full_round_at=session.began_at,
            is_full_round_wanted=False,
        )


def _take_cursor(session: Session) -> None:
    """Pass everything that is there, unread, until the cursor stands at now.

    Raises:
        Transient: the way was lost twice.
    """
    calendar = session.calendar
    is_second_way = False
    while True:
        try:
            page = session.port.advance(calendar.draft_cursor, session.window)
        except SyncStateInvalid as exc:
            if not calendar.draft_cursor:
                raise
            _save(session, draft_cursor="")
            if is_second_way:
                # At once the next would be lost as well, and that without an end.
                raise Transient(exc.cause) from exc
            is_second_way = True
            continue
        session.run.pages += 1
        if page.is_last:
            _save(session, draft_cursor=page.cursor, draft_until=session.window.starts_at)
            return
        _save(session, draft_cursor=page.cursor)
        session.tick()


def _read_window(session: Session) -> None:
    """Read the window in parts, each complete or not at all; the days that come next first."""
    calendar = session.calendar
    # Starts that did not get through a part try a shorter one; the first of them may be chance.
    days = max((calendar.draft_days or FIRST_DAYS) >> max(calendar.barren_starts - 1, 0), 1)
    while calendar.draft_until is not None and calendar.draft_until < session.window.ends_at:
        session.tick()
        starts_at = max(calendar.draft_until, session.window.starts_at)
        ends_at = min(starts_at + dt.timedelta(days=days), session.window.ends_at)
        days = _read_part(session, Window(starts_at, ends_at), days)


def _read_part(session: Session, part: Window, days: int) -> int:
    """Read a part, look for what is missing in it, and store both; how long the next one is."""
    items, count = _view(session, part)
    seen = {event.key for item in items for event in item.events}
    missing = _missing(session, part, seen, {item.item_id for item in items if item.problem})
    reread = _verify_all(session, missing | mirror.doubtful(session, items))
    with transaction.atomic():
        # The view tells only what lies in the part; by its id an item is told whole.
        mirror.store(session, [item for item in items if item.item_id not in reread])
        days = min(days * 4, 366) if count <= FEW_PAGES else days
        days = max(days // 2, 1) if count > MANY_PAGES else days
        _save(session, draft_until=part.ends_at, draft_days=days)
    return days


@dataclass(slots=True)
class Found:
    """What a look by id brought: items as they are now, and rows that are verified gone."""

    items: list[Item] = field(default_factory=list)
    gone: list[RemoteEvent] = field(default_factory=list)

    def store(self, session: Session) -> None:
        mirror.store(session, self.items)
        mirror.mark_gone(session, self.gone)


def _verify_all(session: Session, item_ids: Collection[str]) -> Collection[str]:
    """Look many items up, each few of them committed alone: a mass deletion is more than a task's work.

    Raises:
        TimeIsUp: another run goes on with those that are left.
    """
    left = sorted(item_ids)
    for start in range(0, len(left), VERIFIED_AT_ONCE):
        if start:
            session.tick()
        found = verify(session, left[start : start + VERIFIED_AT_ONCE])
        with transaction.atomic():
            session.lease.commit()
            found.store(session)
    return set(left)


def verify(session: Session, item_ids: Collection[str]) -> Found:
    """Look each item up by its id: absence alone proves nothing."""
    found = Found()
    rows = mirror.rows_of(session, item_ids)
    only_linked = mirror.rows_for_links(session, item_ids)
    for item_id in sorted(item_ids):
        session.lease.renew()
        known = [*rows[item_id].values(), *only_linked[item_id]]
        try:
            item = session.port.read(item_id, session.window)
        except NotFound:
            _prove_mailbox(session)
            found.gone += known
            found.items += _elsewhere(session, item_id, known)
            continue
        found.items.append(item)
        if not item.problem:
            lost = mirror.vanished(session, item, known)
            if lost:
                _prove_mailbox(session)
            found.gone += lost
    return found


def _page(session: Session) -> bool:
    """One page of changes; whether it was the last."""
    calendar = session.calendar
    page = session.port.changes(calendar.cursor, session.window)
    session.run.pages += 1
    latest = {item.item_id: item for item in page.items}
    # Of an occurrence some servers tell its own id alone: what became of its series is looked up.
    gone = {*page.gone, *mirror.masters_of(session, page.gone) - latest.keys()}
    known = mirror.rows_of(session, [*latest, *gone])
    # A link may know one that was gone before it was ever seen.
    linked = {key.item_id for key in mirror.linked_keys(session, gone)}
    silent = mirror.untold(session) - latest.keys() if page.is_last else set()
    doubtful = {item_id for item_id in gone if _is_there(known[item_id], item_id in linked)} | {
        item.item_id
        for item in latest.values()
        if not item.problem and mirror.vanished(session, item, known[item.item_id].values())
    }
    reread = _verify_all(session, doubtful | silent)
    is_news = bool(page.items or gone or silent)
    if not is_news and page.cursor == calendar.cursor:
        return page.is_last
    with transaction.atomic():
        mirror.are_told(session, [*latest, *silent])
        mirror.store(session, [item for key, item in latest.items() if key not in reread])
        _save(session, cursor=page.cursor)
    return page.is_last


def _is_there(rows: Mapping[EventKey, RemoteEvent], is_linked: bool) -> bool:  # noqa: FBT001
    """Whether the mirror, or a link alone, knows an item that is not verified gone yet."""
    if not rows:
        return is_linked
    return any(row.gone_at is None for row in rows.values())


def _view(session: Session, part: Window) -> tuple[list[Item], int]:
    """Every item that a part of the window shows, complete or not at all, and in how many pages."""
    count = 0
    events: list[CalendarEvent] = []
    problems: dict[str, str] = {}
    for page in pages(session.port.view, part):
        count += 1
        events += page.events
        problems |= dict(page.problems)
        session.lease.renew()
    session.run.pages += count
    items = [item for item in as_items(events) if item.item_id not in problems]
    return items + [Item(item_id, problem=words) for item_id, words in problems.items()], count


def _missing(
    session: Session, part: Window, seen: Collection[object], problems: Collection[str]
) -> set[str]:
    """Items that the mirror or a link knows in a part of the window, and the view did not show."""
    calendar = session.calendar
    rows = RemoteEvent.objects.filter(calendar=calendar, gone_at=None)
    missing = {
        row.item_id
        for row in rows.overlapping(part)
        if row.key not in seen and part.overlaps(row.starts_at, row.ends_at)
    }
    # What a link names and no row of the window does, which has its own part, or is gone already.
    told = RemoteEvent.objects.filter(
        calendar=calendar, item_id=OuterRef("item_id"), original_start=OuterRef("original_start")
    )
    links = EventLink.objects.filter(
        calendar=calendar,
        state=EventLink.State.LIVE,
        booking__starts_at__lt=part.ends_at,
        booking__ends_at__gt=part.starts_at,
    ).exclude(Exists(told.filter(gone_at__isnull=False) | told.overlapping(session.window)))
    missing |= {link.item_id for link in links if link.key not in seen}
    return missing - set(problems)


def _elsewhere(session: Session, item_id: str, known: Iterable[RemoteEvent]) -> list[Item]:
    """What has the UID of an item that is no longer there: it came back under another id."""
    uids = {row.uid for row in known if row.uid} or set(
        EventLink.objects.filter(
            calendar=session.calendar, state=EventLink.State.LIVE, item_id=item_id
        )
        .exclude(uid="")
        .values_list("uid", flat=True)
    )
    return [
        item
        for uid in sorted(uids)
        for item in session.port.find(session.window, uid=uid)
        if item.item_id != item_id
    ]


def _prove_mailbox(session: Session) -> None:
    """Before anything counts as gone: the mailbox answers, and it is the one that was connected.

    Raises:
        Misconfigured: another mailbox stands behind the address now.
    """
    if session.is_mailbox_proved:
        return
    mailbox = session.port.open()
    calendar = session.calendar
    if (mailbox.key, mailbox.folder_id) != (calendar.mailbox_key, calendar.folder_id):
        raise Misconfigured(
            _("This is not the mailbox that was connected: %(email)s has another calendar now.")
            % {"email": calendar.email},
            fix=_(
                "If the mailbox was made anew on purpose, disconnect the resource and connect it "
                "again. Nothing was cancelled."
            ),
        )
    session.is_mailbox_proved = True


def _read_problems(session: Session) -> None:
    rows = RemoteEvent.objects.filter(
        calendar=session.calendar, read_again_at__lte=session.began_at
    ).order_by("read_again_at")
    item_ids = set(rows.values_list("item_id", flat=True)[:PROBLEMS_A_RUN])
    if item_ids:
        found = verify(session, item_ids)
        with transaction.atomic():
            found.store(session)
            session.lease.commit()


def _save(session: Session, **values: object) -> None:
    """Store facts of the calendar, fenced by the lease."""
    with transaction.atomic():
        session.lease.commit()
        # A dry run locks no row of the calendar: others would wait for its mailbox.
        if not session.is_dry:
            CalendarLink.objects.filter(pk=session.calendar.pk).update(**values)
    for name, value in values.items():
        setattr(session.calendar, name, value)
