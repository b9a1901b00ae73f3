"""What the engine knows: the connected calendar, its mirror, the links, and what was done."""

from __future__ import annotations

import datetime as dt
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.bookings.models import Booking
from apps.exchange.calendar import EventKey, ShowAs, Window
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Resource
from apps.sync.move_models import CalendarMove, KeptId, Move  # noqa: F401 -- Django looks here
from apps.tenants.models import Tenant, User
from apps.tenants.querysets import TenantQuerySet

# Starts in a row that committed nothing, after which a person must look.
MAX_BARREN_STARTS = 5


class CalendarLinkQuerySet(TenantQuerySet["CalendarLink"]):
    tenant_path = "resource__location__tenant"

    def connected(self) -> Self:
        return self.exclude(state=CalendarLink.State.NOT_CONNECTED)

    def due(self, now: dt.datetime) -> Self:
        """Those that may be synced now, and whose time has come: the most overdue first."""
        return (
            self.filter(
                state__in=CalendarLink.WORKING,
                due_at__lte=now,
                lease_until__lt=now,
                connection__stopped_at=None,
            )
            .filter(Q(connection__paused_until=None) | Q(connection__paused_until__lte=now))
            .order_by("due_at", "pk")
        )

    def resting(self, now: dt.datetime) -> Self:
        """Those that a glance can do for: with nothing new there, there is nothing to do.

        Whether what the last plan followed from is still so (`rest.py`) is seen when it is looked at.
        """
        waits = RemoteEvent.objects.filter(calendar=OuterRef("pk")).filter(
            Q(is_untold=True) | Q(read_again_at__lte=now)
        )
        return (
            self.filter(
                state=CalendarLink.State.IN_SYNC,
                failures=0,
                barren_starts=0,
                is_nudged=False,
                is_full_round_wanted=False,
            )
            .exclude(Q(cursor="") | Q(rests_with=""))
            .exclude(Exists(waits))
        )


class CalendarLink(models.Model):
    """A resource's connected calendar: which one, how far it was read, and how it is."""

    class State(models.TextChoices):
        CONNECTING = "connecting", _("Connecting")
        IN_SYNC = "in_sync", _("In sync")
        WAITING = "waiting", _("Waiting")
        NEEDS_ATTENTION = "needs_attention", _("Needs attention")
        PAUSED = "paused", _("Paused")
        # Our events there are being removed, since somebody wanted that; then not connected.
        LEAVING = "leaving", _("Disconnecting")
        NOT_CONNECTED = "not_connected", _("Not connected")

    # The states in which both sides are kept in agreement, and those in which the dispatcher starts
    # work by itself.
    RUNNING = (State.CONNECTING, State.IN_SYNC, State.WAITING)
    WORKING = (*RUNNING, State.LEAVING)

    resource = models.OneToOneField(
        Resource, models.PROTECT, related_name="calendar_link", verbose_name=_("resource")
    )
    connection = models.ForeignKey(
        ExchangeConnection,
        models.SET_NULL,
        null=True,
        related_name="calendars",
        verbose_name=_("connection"),
    )
    email = models.EmailField(_("mailbox"))
    # Proof that the address was opened; unique over the installation. Aliases meet here.
    mailbox_key = models.CharField(max_length=600, null=True, unique=True, editable=False)
    folder_id = models.TextField(blank=True, editable=False)
    mailbox_name = models.CharField(max_length=255, blank=True, editable=False)
    mailbox_kind = models.CharField(max_length=10, blank=True, editable=False)
    # Whose mailbox it was when it was left, where that is known: another organisation cannot open it.
    left_organisation = models.CharField(max_length=36, blank=True, editable=False)
    # Somebody said that a person's own mailbox is meant.
    is_person_approved = models.BooleanField(default=False, editable=False)
    # Where the resource goes when it has left this mailbox; empty: nowhere.
    next_email = models.EmailField(blank=True, editable=False)
    next_connection = models.ForeignKey(
        ExchangeConnection, models.SET_NULL, null=True, related_name="+", editable=False
    )
    # While it is left: the address stays the resource's, for an Install to come.
    keeps_claim = models.BooleanField(default=False, editable=False)

    state = models.CharField(_("state"), max_length=16, choices=State, default=State.CONNECTING)
    error_kind = models.CharField(max_length=20, blank=True, editable=False)
    cause = models.TextField(_("what happened"), blank=True, editable=False)
    fix = models.TextField(_("what to do"), blank=True, editable=False)
    command = models.TextField(_("command"), blank=True, editable=False)
    failed_at = models.DateTimeField(_("since"), null=True, editable=False)

    # Where the next page of changes starts, and where a full round stands that is not over yet.
    cursor = models.TextField(blank=True, editable=False)
    draft_cursor = models.TextField(blank=True, editable=False)
    # How far into the window that round has read: what lies before is in the mirror.
    draft_until = models.DateTimeField(null=True, editable=False)
    # How many days it reads at a time.
    draft_days = models.PositiveSmallIntegerField(default=0, editable=False)
    # UTC days.
    window_from = models.DateField(null=True, editable=False)
    window_until = models.DateField(null=True, editable=False)
    full_round_at = models.DateTimeField(null=True, editable=False)
    is_full_round_wanted = models.BooleanField(default=True, editable=False)
    # What the last plan followed from, if it found nothing to do and nothing that waits.
    rests_with = models.CharField(max_length=64, blank=True, editable=False)
    # Empty until a first sync has sent all; it holds overlaps and many sends back.
    first_synced_at = models.DateTimeField(null=True, editable=False)
    are_sends_approved = models.BooleanField(default=False, editable=False)
    sends_held = models.PositiveIntegerField(default=0, editable=False)

    # The lease: who holds the token works, until the time is over.
    lease_token = models.PositiveBigIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(editable=False)
    barren_starts = models.PositiveSmallIntegerField(default=0, editable=False)
    failures = models.PositiveSmallIntegerField(default=0, editable=False)
    due_at = models.DateTimeField(editable=False)
    # Asked for while a run was on: look once more when it ends.
    is_nudged = models.BooleanField(default=False, editable=False)
    last_good_at = models.DateTimeField(_("in sync as of"), null=True, editable=False)
    # Which listener has it, until when, and when its server gave the last sign of life.
    push_token = models.PositiveBigIntegerField(default=0, editable=False)
    push_until = models.DateTimeField(null=True, editable=False)
    heard_at = models.DateTimeField(null=True, editable=False)
    # When the address was typed: a claim never proved is released after a day.
    claimed_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = CalendarLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("calendar")
        verbose_name_plural = _("calendars")
        ordering = ("email", "pk")
        indexes = (
            # The dispatcher, each minute.
            models.Index(fields=("state", "due_at"), name="calendar_by_state_and_due"),
        )

    def __str__(self) -> str:
        return self.email

    @property
    def tenant(self) -> Tenant:
        return self.resource.tenant

    def is_pushed(self, now: dt.datetime) -> bool:
        """Whether its server tells of changes, as far as can be known."""
        return self.is_heard(now) or self.subscriptions.alive(now).exists()

    def is_heard(self, now: dt.datetime) -> bool:
        """Whether its server gave a sign of life a moment ago."""
        silent_after = dt.timedelta(seconds=settings.PUSH_SILENT_AFTER_S)
        return self.heard_at is not None and now - self.heard_at < silent_after

    @property
    def is_first_sync(self) -> bool:
        return self.first_synced_at is None

    @property
    def is_stale(self) -> bool:
        """Too long without a good run: what the mailbox holds is unknown, and never "free"."""
        age = dt.timedelta(seconds=settings.SYNC_STALE_AFTER_S)
        return self.last_good_at is None or timezone.now() - self.last_good_at > age


class SubscriptionQuerySet(TenantQuerySet["Subscription"]):
    tenant_path = "calendar__resource__location__tenant"

    def alive(self, now: dt.datetime) -> Self:
        """Those by which Microsoft tells of changes, as far as can be known."""
        return self.filter(state=Subscription.State.ALIVE, expires_at__gt=now)

    def current(self) -> Self:
        return self.exclude(state=Subscription.State.ENDING)


class Subscription(models.Model):
    """Microsoft's promise to tell us when a mailbox's calendar changes.

    It shows no sign of life while nothing happens. So it counts as alive from the answer that made
    or renewed it until the end that this answer named, unless Microsoft says that it was removed,
    or does not find it any more: it is renewed at half of its life, and looked for once an hour.
    One that is dead without a word costs no more than the rhythm in which calendars are asked
    all the time (SYNC_EVERY_WITH_PUSH_S).
    """

    class State(models.TextChoices):
        WANTED = "wanted", _("To be made")
        ALIVE = "alive", _("Alive")
        # The mailbox was left: it is to be deleted at Microsoft, then the row goes.
        ENDING = "ending", _("To be deleted")

    calendar = models.ForeignKey(CalendarLink, models.CASCADE, related_name="subscriptions")
    # By which it was made, and is renewed and deleted; the calendar may have another by then.
    connection = models.ForeignKey(ExchangeConnection, models.CASCADE, related_name="subscriptions")
    state = models.CharField(max_length=6, choices=State, default=State.WANTED)
    # Microsoft's id of it.
    subscription_id = models.CharField(max_length=64, null=True, unique=True)
    # SHA-256 of the secret that its notifications carry. The secret itself is needed once, when the
    # subscription is made, and kept nowhere.
    client_state_hash = models.CharField(max_length=64, blank=True)
    expires_at = models.DateTimeField(null=True)
    renewed_at = models.DateTimeField(null=True)
    # When something is to be done about it. Who moves this on does it.
    due_at = models.DateTimeField(default=timezone.now)
    failures = models.PositiveSmallIntegerField(default=0)
    # Why Microsoft refused it, and what to do about that.
    cause = models.TextField(blank=True)
    fix = models.TextField(blank=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=("calendar",),
                condition=~Q(state="ending"),
                name="one_current_subscription_a_calendar",
            ),
            models.CheckConstraint(
                condition=Q(state="wanted", subscription_id=None)
                | (
                    ~Q(state="wanted")
                    & Q(subscription_id__isnull=False, expires_at__isnull=False)
                    & ~Q(client_state_hash="")
                ),
                name="subscription_is_made_whole",
            ),
        )
        indexes = (
            # The look for what is to be done, each minute.
            models.Index(fields=("due_at",), name="subscription_by_due"),
        )

    def __str__(self) -> str:
        return f"{self.calendar} {self.state}"


class RemoteEventQuerySet(TenantQuerySet["RemoteEvent"]):
    tenant_path = "calendar__resource__location__tenant"

    def overlapping(self, window: Window) -> Self:
        """As Window.overlaps."""
        without_length = Q(ends_at=F("starts_at"), starts_at__gte=window.starts_at)
        return self.filter(
            Q(ends_at__gt=window.starts_at) | without_length, starts_at__lt=window.ends_at
        )


class RemoteEvent(models.Model):
    """One single or occurrence as last read: the mirror of the mailbox, masked."""

    calendar = models.ForeignKey(CalendarLink, models.CASCADE, related_name="events")
    item_id = models.TextField()
    original_start = models.CharField(max_length=32, blank=True)
    wire_id = models.TextField(blank=True)
    uid = models.TextField(blank=True)
    change_key = models.TextField(blank=True)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    is_all_day = models.BooleanField(default=False)
    show_as = models.CharField(max_length=10, choices=[(s.value, s.value) for s in ShowAs])
    is_cancelled = models.BooleanField(default=False)
    is_declined = models.BooleanField(default=False)
    is_private = models.BooleanField(default=False)
    subject = models.CharField(_("subject"), max_length=255, blank=True)
    organizer = models.CharField(_("organiser"), max_length=255, blank=True)
    organizer_email = models.CharField(max_length=320, blank=True)
    is_invitation = models.BooleanField(default=False)
    has_attendees = models.BooleanField(default=False)
    # Of the booking that our stamp names, if it is one of this resource; and the attempt beside it.
    stamped_booking = models.UUIDField(null=True)
    attempt_id = models.TextField(blank=True)
    remote_created_at = models.DateTimeField(null=True)
    fingerprint = models.CharField(max_length=33, blank=True)
    # The run that saw it last; what a full round did not see is looked for by its id.
    last_seen_run = models.PositiveBigIntegerField(default=0)
    # Seen beside the changes, as when we write; they have not told of it yet.
    is_untold = models.BooleanField(default=False)
    # Verified gone: kept while a link needs to know.
    gone_at = models.DateTimeField(null=True)
    # Why it could not be read, how often, and when it is read again.
    problem = models.TextField(blank=True)
    problem_count = models.PositiveSmallIntegerField(default=0)
    read_again_at = models.DateTimeField(null=True)

    objects = RemoteEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("Exchange event")
        verbose_name_plural = _("Exchange events")
        ordering = ("starts_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("calendar", "item_id", "original_start"), name="remote_event_key_unique"
            ),
        )
        indexes = (
            # The plan's window, and who is in the way of a booking.
            models.Index(fields=("calendar", "starts_at"), name="event_by_calendar_and_start"),
        )

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M}"

    @property
    def key(self) -> EventKey:
        return EventKey(self.item_id, self.original_start)


class EventLinkQuerySet(TenantQuerySet["EventLink"]):
    tenant_path = "calendar__resource__location__tenant"

    def current(self) -> Self:
        """Those that pair a booking with an event, or are about to."""
        return self.filter(state__in=(EventLink.State.CREATING, EventLink.State.LIVE))


class EventLink(models.Model):
    """A booking and an event that are one, and what both agreed on last."""

    class State(models.TextChoices):
        # Committed before the create leaves, so that no reply, lost or late, makes a second event.
        CREATING = "creating", _("Creating")
        LIVE = "live", _("Live")
        # The mailbox was left; coming back adopts.
        DORMANT = "dormant", _("Dormant")
        # Both sides passed the lower edge of the window.
        RETIRED = "retired", _("Retired")
        FORGOTTEN = "forgotten", _("Forgotten")

    class Held(models.TextChoices):
        LOSS = "loss", _("Gone in Exchange")
        DELETION = "deletion", _("To be deleted in Exchange")

    class Decision(models.TextChoices):
        APPLY = "apply", _("Apply")
        KEEP = "keep", _("Keep")

    calendar = models.ForeignKey(CalendarLink, models.CASCADE, related_name="links")
    booking = models.ForeignKey(Booking, models.PROTECT, related_name="event_links")
    state = models.CharField(max_length=9, choices=State, default=State.LIVE)
    item_id = models.TextField(blank=True)
    original_start = models.CharField(max_length=32, blank=True)
    uid = models.TextField(blank=True)
    # Of a dormant link: which mailbox it belongs to. Coming back to that one wakes it.
    mailbox_key = models.CharField(max_length=600, blank=True)
    # Of a dormant link: the wire that calls its event so. Each wire has ids of its own.
    id_wire = models.CharField(max_length=5, blank=True)
    # Made once per link and used by every try; when the first try left, while its end is unknown.
    attempt_id = models.CharField(max_length=64, blank=True)
    attempted_at = models.DateTimeField(null=True)
    # When our removal of the event left: its end may be unknown, and its effect come late.
    removal_at = models.DateTimeField(null=True)
    # The booking's revision that Exchange holds.
    pushed_revision = models.PositiveIntegerField(default=0)
    remote_fingerprint = models.CharField(max_length=33, blank=True)
    # What we put back once: the same change a second time opens a conflict.
    restored_fingerprint = models.CharField(max_length=33, blank=True)
    held = models.CharField(max_length=8, choices=Held, blank=True)
    held_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=5, choices=Decision, blank=True)
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    # Refusals in a row for this one event, why, and when it is tried again.
    refusals = models.PositiveSmallIntegerField(default=0)
    refusal = models.TextField(blank=True)
    # Of the booking: another one is tried at once.
    refused_revision = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EventLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("event link")
        verbose_name_plural = _("event links")
        ordering = ("pk",)
        constraints = (
            # A booking that moved to another resource has one there, while its event here goes.
            models.UniqueConstraint(
                fields=("calendar", "booking"),
                condition=Q(state__in=("creating", "live")),
                name="one_current_link_per_booking",
            ),
            models.UniqueConstraint(
                fields=("calendar", "item_id", "original_start"),
                condition=Q(state="live"),
                name="one_live_link_per_event",
            ),
            models.CheckConstraint(
                condition=~Q(state="live") | ~Q(item_id=""), name="live_link_names_its_event"
            ),
        )
        indexes = (
            # The plan, which reads the links of one calendar that still count.
            models.Index(fields=("calendar", "state"), name="link_by_calendar_and_state"),
        )

    def __str__(self) -> str:
        return f"{self.booking_id} {self.state}"

    @property
    def key(self) -> EventKey:
        return EventKey(self.item_id, self.original_start)


class SyncRunQuerySet(TenantQuerySet["SyncRun"]):
    tenant_path = "calendar__resource__location__tenant"


class SyncRun(models.Model):
    """One attempt to bring a resource and its mailbox into agreement.

    A run that found nothing to do leaves no row: "in sync as of" on the calendar tells of it.
    """

    class Trigger(models.TextChoices):
        SCHEDULE = "schedule", _("Schedule")
        BOOKING = "booking", _("Booking changed")
        PUSH = "push", _("Push")
        PERSON = "person", _("Person")
        COMMAND = "command", _("Command")

    class Outcome(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        CONTINUES = "continues", _("Continues")
        FAILED = "failed", _("Failed")

    calendar = models.ForeignKey(
        CalendarLink, models.CASCADE, related_name="runs", verbose_name=_("calendar")
    )
    trigger = models.CharField(_("started by"), max_length=8, choices=Trigger)
    is_full = models.BooleanField(_("full round"), default=False)
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    window_from = models.DateField(null=True)
    window_until = models.DateField(null=True)
    outcome = models.CharField(_("outcome"), max_length=9, choices=Outcome, default=Outcome.RUNNING)
    error_kind = models.CharField(_("error"), max_length=20, blank=True)
    cause = models.TextField(_("what happened"), blank=True)
    fix = models.TextField(_("what to do"), blank=True)
    # Pages of changes, and operations carried out, set aside and still open.
    pages = models.PositiveIntegerField(_("pages"), default=0)
    done = models.PositiveIntegerField(_("done"), default=0)
    set_aside = models.PositiveIntegerField(_("set aside"), default=0)

    objects = SyncRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("sync run")
        verbose_name_plural = _("sync runs")
        ordering = ("-started_at", "-pk")
        indexes = (
            models.Index(fields=("calendar", "-started_at"), name="run_by_calendar_and_start"),
        )

    def __str__(self) -> str:
        return f"{self.calendar} {self.started_at:%Y-%m-%d %H:%M}"


class SyncChangeQuerySet(TenantQuerySet["SyncChange"]):
    tenant_path = "calendar__resource__location__tenant"


class SyncChange(models.Model):
    """One operation of a run: what was before, what is after, and what came of it."""

    class Outcome(models.TextChoices):
        DONE = "done", _("Done")
        SET_ASIDE = "set_aside", _("Set aside")

    run = models.ForeignKey(SyncRun, models.CASCADE, related_name="changes")
    calendar = models.ForeignKey(CalendarLink, models.CASCADE, related_name="changes")
    booking = models.ForeignKey(Booking, models.SET_NULL, null=True, related_name="sync_changes")
    operation = models.CharField(_("operation"), max_length=24)
    # Counted by the guard: taken away on either side without anyone's approval.
    is_loss = models.BooleanField(default=False)
    # Facts by name, as text; only what differs.
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    outcome = models.CharField(_("outcome"), max_length=9, choices=Outcome)
    words = models.TextField(_("why"), blank=True)
    at = models.DateTimeField(_("when"))

    objects = SyncChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("sync change")
        verbose_name_plural = _("sync changes")
        ordering = ("-at", "-pk")
        indexes = (
            # The guard: how many were lost within a day.
            models.Index(
                fields=("calendar", "operation", "at"), name="change_by_operation_and_time"
            ),
        )

    def __str__(self) -> str:
        return self.operation


class ConflictQuerySet(TenantQuerySet["Conflict"]):
    tenant_path = "calendar__resource__location__tenant"

    def open(self) -> Self:
        return self.filter(closed_at=None)

    def undecided(self) -> Self:
        """Open, and waiting for a person."""
        return self.open().filter(decision="")


class Conflict(models.Model):
    """A difference that a person decides. Derived again at every run; one row while it lasts."""

    class Kind(models.TextChoices):
        BOTH_CHANGED = "both_changed", _("Both changed")
        OVERLAP = "overlap", _("Overlap")
        TWIN = "twin", _("Twin")
        WOULD_MAIL = "would_mail", _("Would mail")

    class Decision(models.TextChoices):
        OURS = "ours", _("Keep ours")
        EXCHANGE = "exchange", _("Keep Exchange's")
        BOTH = "both", _("Keep both")
        THIS = "this", _("Keep this one")
        SEND = "send", _("Send")
        LEAVE = "leave", _("Leave")

    calendar = models.ForeignKey(CalendarLink, models.CASCADE, related_name="conflicts")
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    booking = models.ForeignKey(Booking, models.CASCADE, related_name="conflicts")
    other = models.ForeignKey(
        Booking, models.CASCADE, null=True, related_name="conflicts_with_others"
    )
    item_id = models.TextField(blank=True)
    original_start = models.CharField(max_length=32, blank=True)
    # Both versions, as facts by name.
    ours = models.JSONField(_("ours"), default=dict)
    exchange = models.JSONField(_("Exchange's"), default=dict)
    # What the decision was about: it lapses when either side moves on.
    versions = models.CharField(max_length=80)
    # Found in a first sync: whatever the tenant chose, a person decides this one.
    asks_person = models.BooleanField(default=False, editable=False)
    decision = models.CharField(_("decision"), max_length=8, choices=Decision, blank=True)
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(_("decided at"), null=True)
    opened_at = models.DateTimeField(_("since"), auto_now_add=True)
    closed_at = models.DateTimeField(_("closed at"), null=True)

    objects = ConflictQuerySet.as_manager()

    class Meta:
        verbose_name = _("conflict")
        verbose_name_plural = _("conflicts")
        ordering = ("opened_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("calendar", "kind", "booking", "item_id", "original_start", "other"),
                condition=Q(closed_at=None),
                nulls_distinct=False,
                name="one_open_conflict_per_difference",
            ),
            models.CheckConstraint(
                condition=Q(other=None) | ~Q(other=F("booking")), name="conflict_has_two_sides"
            ),
        )

    def __str__(self) -> str:
        return self.get_kind_display()
