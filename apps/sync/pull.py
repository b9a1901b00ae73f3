"""Bring the mirror up to date: pages of changes, or a full round. Gone is verified here.

No request is made inside a transaction. A page's rows and its cursor are committed together, so
that whatever happens between two pages, nothing is skipped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from apps.exchange.calendar import CalendarEvent, Item
from apps.exchange.errors import Misconfigured, NotFound, SyncStateInvalid
from apps.sync import mirror
from apps.sync.models import CalendarLink, EventLink, RemoteEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from apps.sync.session import Session

# Items that could not be read before are tried again, so many a run.
PROBLEMS_A_RUN = 20


def pull(session: Session) -> None:
    """Read what changed since the cursor, or everything where there is none or a round is due."""
    if session.calendar.is_full_round_wanted or not session.calendar.cursor:
        full_round(session)
        return
    _read_problems(session)
    try:
        while not _page(session):
            session.tick()
    except SyncStateInvalid:
        _save(session, cursor="", draft_cursor="", is_full_round_wanted=True)
        full_round(session)


def full_round(session: Session) -> None:
    """Take a cursor that stands at now, then read the whole window, and look for what is missing."""
    _prove_mailbox(session)
    calendar = session.calendar
    while True:
        try:
            page = session.port.advance(calendar.draft_cursor)
        except SyncStateInvalid:
            if not calendar.draft_cursor:
                raise
            _save(session, draft_cursor="")
            continue
        _save(session, draft_cursor=page.cursor)
        session.run.pages += 1
        if page.is_last:
            break
        session.tick()
    items = _view(session)
    seen = {event.key for item in items for event in item.events}
    missing = _missing(session, seen, {item.item_id for item in items if item.problem})
    found = verify(session, missing | mirror.doubtful(session, items))
    with transaction.atomic():
        # The view tells only what lies in the window; by its id an item is told whole.
        mirror.store(session, [item for item in items if item.item_id not in found.reread])
        found.store(session)
        mirror.tidy(session)
        _save(
            session,
            cursor=page.cursor,
            draft_cursor="",
            window_from=session.window.starts_at.date(),
            window_until=session.window.ends_at.date(),
            full_round_at=session.began_at,
            is_full_round_wanted=False,
        )


@dataclass(slots=True)
class Found:
    """What a look by id brought: items as they are now, and rows that are verified gone."""

    items: list[Item] = field(default_factory=list)
    gone: list[RemoteEvent] = field(default_factory=list)
    reread: set[str] = field(default_factory=set)

    def store(self, session: Session) -> None:
        mirror.store(session, self.items)
        mirror.mark_gone(session, self.gone)


def verify(session: Session, item_ids: Collection[str]) -> Found:
    """Look each item up by its id: absence alone proves nothing."""
    found = Found()
    rows = mirror.rows_of(session, item_ids)
    only_linked = mirror.rows_for_links(session, item_ids)
    for item_id in sorted(item_ids):
        found.reread.add(item_id)
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
        session.lease.renew()
    return found


def _page(session: Session) -> bool:
    """One page of changes; whether it was the last."""
    calendar = session.calendar
    page = session.port.changes(calendar.cursor, session.window)
    session.run.pages += 1
    latest = {item.item_id: item for item in page.items}
    known = mirror.rows_of(session, [*latest, *page.gone])
    # A link may know one that was gone before it was ever seen.
    linked = {key.item_id for key in mirror.linked_keys(session, page.gone)}
    doubtful = {item_id for item_id in page.gone if known[item_id] or item_id in linked} | {
        item.item_id
        for item in latest.values()
        if not item.problem and mirror.vanished(session, item, known[item.item_id].values())
    }
    found = verify(session, doubtful)
    is_news = bool(page.items or page.gone)
    if not is_news and page.cursor == calendar.cursor:
        return page.is_last
    with transaction.atomic():
        mirror.store(session, [item for key, item in latest.items() if key not in found.reread])
        found.store(session)
        _save(session, cursor=page.cursor)
    return page.is_last


def _view(session: Session) -> list[Item]:
    """Every item that the window shows, complete or not at all."""
    events: dict[str, list[CalendarEvent]] = {}
    problems: dict[str, str] = {}
    after = ""
    while True:
        page = session.port.view(session.window, after)
        session.run.pages += 1
        for event in page.events:
            events.setdefault(event.key.item_id, []).append(event)
        problems |= dict(page.problems)
        session.lease.renew()
        if not page.next:
            break
        after = page.next
    return [
        Item(item_id, tuple(found), is_series=any(event.is_occurrence for event in found))
        for item_id, found in events.items()
        if item_id not in problems
    ] + [Item(item_id, problem=words) for item_id, words in problems.items()]


def _missing(session: Session, seen: Collection[object], problems: Collection[str]) -> set[str]:
    """Items that the mirror or a link knows in the window, and the view did not show."""
    calendar = session.calendar
    rows = RemoteEvent.objects.filter(calendar=calendar, gone_at=None).overlapping(session.window)
    missing = {row.item_id for row in rows if row.key not in seen}
    links = EventLink.objects.filter(
        calendar=calendar,
        state=EventLink.State.LIVE,
        booking__starts_at__lt=session.window.ends_at,
        booking__ends_at__gt=session.window.starts_at,
    )
    known_gone = set(
        RemoteEvent.objects.filter(calendar=calendar, gone_at__isnull=False).values_list(
            "item_id", "original_start"
        )
    )
    missing |= {
        link.item_id
        for link in links
        if link.key not in seen and (link.item_id, link.original_start) not in known_gone
    }
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
        CalendarLink.objects.filter(pk=session.calendar.pk).update(**values)
    for name, value in values.items():
        setattr(session.calendar, name, value)
