"""What the engine did, to be read: runs, and each change with before and after."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display

from apps.bookings.errors import in_words
from apps.bookings.walltime import Span
from apps.console.conflict_words import STATUS
from apps.console.tenant_admin import TenantAdmin, scoped
from apps.sync.models import CalendarLink, SyncChange, SyncRun
from apps.sync.wording import WORDS, did, would

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django_stubs_ext import StrOrPromise

CHANGES_A_PAGE = 100
LABELS: dict[str, StrOrPromise] = {
    "title": gettext_lazy("Title"),
    "subject": gettext_lazy("Subject"),
    "person": gettext_lazy("Person"),
    "person_email": gettext_lazy("Email"),
    "notes": gettext_lazy("Notes"),
    "resource": gettext_lazy("Resource"),
    "location": gettext_lazy("Location"),
    "when": gettext_lazy("When"),
    "time_zone": gettext_lazy("Time zone"),
    "status": gettext_lazy("Status"),
    "cancel_reason": gettext_lazy("Reason"),
    "removed": gettext_lazy("In the mailbox"),
}
REMOVED: dict[str, StrOrPromise] = {
    "declined": gettext_lazy("Declined"),
    "deleted": gettext_lazy("Deleted"),
}
OUTCOMES = {
    "running": "info",
    "done": "success",
    "continues": "info",
    "failed": "danger",
    "set_aside": "warning",
}


class CalendarOf(admin.SimpleListFilter):
    """By resource: of the tenant's own that have, or had, a calendar."""

    title = gettext_lazy("resource")
    parameter_name = "calendar"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        rows = scoped(CalendarLink.objects.select_related("resource"), request)
        return [
            (str(row.pk), row.resource.name) for row in rows.order_by("resource__name", "pk")[:500]
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value() or ""
        return queryset.filter(calendar=int(chosen)) if chosen.isdigit() else queryset


class SinceFilter(admin.SimpleListFilter):
    """By day, in UTC as all of the log."""

    title = gettext_lazy("date")
    parameter_name = "since"
    column = "started_at"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [("hour", _("Last hour")), ("day", _("Last 24 hours")), ("week", _("Last 7 days"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        spans = {"hour": dt.timedelta(hours=1), "day": dt.timedelta(1), "week": dt.timedelta(7)}
        span = spans.get(self.value() or "")
        if span is None:
            return queryset
        return queryset.filter(**{f"{self.column}__gte": timezone.now() - span})


class ChangedSinceFilter(SinceFilter):
    column = "at"


class OperationFilter(admin.SimpleListFilter):
    title = gettext_lazy("what")
    parameter_name = "operation"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [(name, did(name, "…")) for name in WORDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(operation=self.value()) if self.value() else queryset


class LogAdmin(TenantAdmin):
    """Read, by every role; written by the engine alone."""

    list_filter_submit = False
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def found(self, request: HttpRequest, object_id: str, *related: str) -> Any:
        rows = self.get_queryset(request).select_related(*related)
        return get_object_or_404(rows, pk=int(object_id) if object_id.isdigit() else 0)


@admin.register(SyncRun)
class SyncRunAdmin(LogAdmin):
    list_display = ("started_at", "resource", "result", "trigger", "read", "done", "set_aside")
    list_select_related = ("calendar__resource",)
    list_filter = (CalendarOf, SinceFilter, "outcome", "trigger")
    search_fields = ("calendar__resource__name", "calendar__email")
    actions_list = ("changes_list", "conflicts_list")
    empty_title = gettext_lazy("No sync has done anything yet")
    empty_text = gettext_lazy(
        "Connect a resource to its calendar. A sync that finds nothing to do leaves no line here: "
        "the resource’s page says how fresh it is."
    )

    @display(description=gettext_lazy("resource"), ordering="calendar__resource__name")
    def resource(self, run: SyncRun) -> str:
        return run.calendar.resource.name

    @display(description=gettext_lazy("compared"), ordering="is_full")
    def read(self, run: SyncRun) -> str:
        return _("everything") if run.is_full else _("what changed")

    @display(description=gettext_lazy("outcome"), ordering="outcome", label=OUTCOMES)
    def result(self, run: SyncRun) -> tuple[str, str]:
        return run.outcome, str(run.get_outcome_display())

    @action(description=gettext_lazy("Changes"), icon="list_alt", url_path="changes")
    def changes_list(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:sync_syncchange_changelist"))

    @action(description=gettext_lazy("Conflicts"), icon="rule", url_path="conflicts")
    def conflicts_list(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:sync_conflict_changelist"))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        run: SyncRun = self.found(request, object_id, "calendar__resource")
        changes = SyncChange.objects.filter(run=run).select_related("booking").order_by("at", "pk")
        page = Paginator(changes, CHANGES_A_PAGE).get_page(request.GET.get("page"))
        took = run.finished_at - run.started_at if run.finished_at else None
        return TemplateResponse(
            request,
            "console/calendar/run.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Sync of %(resource)s") % {"resource": run.calendar.resource},
                "run": run,
                "took_s": None if took is None else round(took.total_seconds(), 1),
                "tone": OUTCOMES[run.outcome],
                "page": page,
                "changes": [(change, sentence(change), _when(change)) for change in page],
            },
        )


def _when(change: SyncChange) -> str:
    """When its booking is now: occurrences of a series have one title."""
    return in_words(change.booking.span) if change.booking else ""


@admin.register(SyncChange)
class SyncChangeAdmin(LogAdmin):
    list_display = ("at", "what", "resource", "result")
    list_select_related = ("calendar__resource", "booking")
    list_filter = (CalendarOf, ChangedSinceFilter, "outcome", OperationFilter)
    search_fields = ("booking__title", "calendar__resource__name")
    actions_list = ("runs_list",)
    empty_title = gettext_lazy("Nothing has changed yet")
    empty_text = gettext_lazy("Each thing that a sync does appears here, with before and after.")

    @display(description=gettext_lazy("what"))
    def what(self, change: SyncChange) -> str:
        return sentence(change)

    @display(description=gettext_lazy("resource"), ordering="calendar__resource__name")
    def resource(self, change: SyncChange) -> str:
        return change.calendar.resource.name

    @display(description=gettext_lazy("outcome"), ordering="outcome", label=OUTCOMES)
    def result(self, change: SyncChange) -> tuple[str, str]:
        return change.outcome, str(change.get_outcome_display())

    @action(description=gettext_lazy("Runs"), icon="sync", url_path="runs")
    def runs_list(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:sync_syncrun_changelist"))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        change: SyncChange = self.found(request, object_id, "calendar__resource", "booking", "run")
        return TemplateResponse(
            request,
            "console/calendar/change.html",
            {
                **self.admin_site.each_context(request),
                "title": sentence(change),
                "change": change,
                "tone": OUTCOMES[change.outcome],
                "rows": differences(change),
            },
        )


def sentence(change: SyncChange) -> str:
    """What was done; of what was set aside, what should have been."""
    title = change.booking.title if change.booking is not None else ""
    for facts in (change.after, change.before):
        title = title or facts.get("title", "") or facts.get("subject", "")
    says = would if change.outcome == SyncChange.Outcome.SET_ASIDE else did
    return says(change.operation, title)


def differences(change: SyncChange) -> list[tuple[str, str, str]]:
    """Label, before, after."""
    zone = change.calendar.resource.time_zone
    before, after = _told(change.before, zone), _told(change.after, zone)
    return [
        (str(LABELS.get(name, name)), before.get(name, ""), after.get(name, ""))
        for name in [*LABELS, *sorted({*before, *after} - LABELS.keys())]
        if before.get(name) or after.get(name)
    ]


def _told(facts: dict[str, str], zone: str) -> dict[str, str]:
    """Each fact in words; start and end of an event are one fact, as of a booking."""
    told = {name: _said(name, value) for name, value in facts.items()}
    if text := facts.get("when"):
        told["when"] = in_words(Span.parse(text, zone))
    starts_at, ends_at = (parse_datetime(told.pop(name, "")) for name in ("starts_at", "ends_at"))
    if starts_at is not None and ends_at is not None:
        told["when"] = in_words(Span.between(starts_at, ends_at, zone))
    return told


def _said(name: str, value: str) -> str:
    words = {"status": STATUS, "removed": REMOVED}.get(name, {})
    return str(words.get(value, value))
