"""Bookings: list, form, cancelling, history."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.db import models
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.views import ChangeList

from apps.bookings import services
from apps.bookings.errors import BookingError, briefly, in_words
from apps.bookings.models import Booking, BookingChange
from apps.bookings.walltime import start_of_day
from apps.console import conflict_words
from apps.console.availability import availability, chosen_day
from apps.console.booking_forms import BookingForm, CancelForm, ResourceField
from apps.console.tenant_admin import TenantAdmin, TenantRelatedFilter, allows, is_copy
from apps.resources.models import Resource
from apps.sync import telling_bookings
from apps.sync.telling_bookings import BookingCondition, BookingShown
from apps.tenants.models import Role, User
from apps.tenants.standing import standing

if TYPE_CHECKING:
    from django.http import HttpRequest

LABELS = {
    "confirmed": "success",
    "released": "info",
    "cancelled": "danger",
    "clashing": "warning",
}
CALENDAR_LABELS = {
    BookingShown.NOT_CONNECTED.value: "",
    BookingShown.SENDING.value: "info",
    BookingShown.IN_CALENDAR.value: "success",
    BookingShown.CHECKING.value: "info",
    BookingShown.LATER.value: "info",
    BookingShown.REFUSED.value: "danger",
    BookingShown.CLASHES.value: "warning",
    BookingShown.ASKS.value: "warning",
    BookingShown.REMOVING.value: "info",
}


class DayFilter(admin.SimpleListFilter):
    """Which days; without a choice, today and what comes."""

    title = gettext_lazy("day")
    parameter_name = "day"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [
            ("today", _("Today")),
            ("tomorrow", _("Tomorrow")),
            ("week", _("Next 7 days")),
            ("past", _("Past")),
            ("all", _("All days")),
        ]

    def choices(self, changelist: Any) -> Any:
        rest = list(super().choices(changelist))
        rest[0]["display"] = _("From today on")
        return rest

    def queryset(
        self, request: HttpRequest, queryset: models.QuerySet[Any]
    ) -> models.QuerySet[Any]:
        here = standing(request)
        zone = here.tenant.time_zone if here else "UTC"
        today = timezone.localdate(timezone=ZoneInfo(zone))

        def day(offset: int) -> dt.datetime:
            return start_of_day(today + dt.timedelta(days=offset), zone)

        match self.value():
            case "today":
                return queryset.filter(starts_at__lt=day(1), ends_at__gt=day(0))
            case "tomorrow":
                return queryset.filter(starts_at__lt=day(2), ends_at__gt=day(1))
            case "week":
                return queryset.filter(starts_at__lt=day(7), ends_at__gt=day(0))
            case "past":
                return queryset.filter(ends_at__lte=day(0))
            case "all":
                return queryset
            case _:
                return queryset.filter(ends_at__gt=day(0))


class BookingList(ChangeList):
    """A page of bookings, with how each stands with Exchange read for all of them at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)  # type: ignore[has-type]
        conditions = telling_bookings.conditions(self.result_list, is_silent=is_copy(request))
        for booking in self.result_list:
            vars(booking)["in_exchange"] = conditions[booking.pk]


@admin.register(Booking)
class BookingAdmin(TenantAdmin):
    form = BookingForm
    list_display = ("title", "resource", "when", "person", "state", "calendar", "origin")
    list_select_related = ("resource__location__tenant",)
    list_filter = (DayFilter, ("resource", TenantRelatedFilter), "status", "origin")
    list_filter_submit = False
    search_fields = ("title", "person", "person_email", "resource__name")
    ordering = ("starts_at", "pk")
    actions = None
    actions_row = ("edit_row", "cancel_row", "history_row")
    fieldsets = (
        (
            gettext_lazy("What and when"),
            {
                "fields": (
                    "resource",
                    ("starts_on", "starts_time"),
                    ("ends_on", "ends_time"),
                    "all_day",
                )
            },
        ),
        (gettext_lazy("Who and why"), {"fields": ("title", "person", "person_email", "notes")}),
        (None, {"fields": ("read_revision",)}),
    )
    change_form_template = "console/bookings/form.html"
    object_history_template = "console/bookings/history.html"
    empty_title = gettext_lazy("No bookings from today on")
    empty_text = gettext_lazy(
        "Book a resource, and the booking appears here. Past ones are under Filters, day."
    )

    @display(description=gettext_lazy("when"), ordering="starts_at")
    def when(self, booking: Booking) -> str:
        return briefly(booking.span)

    @display(description=gettext_lazy("status"), ordering="status", label=LABELS)
    def state(self, booking: Booking) -> tuple[str, str]:
        if booking.clashing:
            return "clashing", _("Clashing")
        return booking.status, booking.get_status_display()

    @display(description=gettext_lazy("calendar"), label=CALENDAR_LABELS)
    def calendar(self, booking: Booking) -> tuple[str, str]:
        condition: BookingCondition = vars(booking)["in_exchange"]
        return condition.shown.value, condition.label or "–"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BookingList

    # --- Addresses ---

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("availability/", wrap(availability), name="bookings_booking_availability"),
            path(
                "<path:object_id>/restore/",
                wrap(self.restore_view),
                name="bookings_booking_restore",
            ),
            *super().get_urls(),
        ]

    @action(description=gettext_lazy("Edit"), icon="edit", url_path="edit")
    def edit_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(_page("change", object_id))

    @action(
        description=gettext_lazy("Cancel"),
        icon="event_busy",
        url_path="cancel",
        permissions=["change"],
    )
    def cancel_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for a reason, then cancel."""
        booking = self._found(request, object_id)
        form = CancelForm(request.POST or None, initial={"revision": booking.revision})
        if request.method == "POST" and form.is_valid():
            try:
                services.cancel(
                    booking=booking,
                    revision=form.cleaned_data["revision"],
                    by=_person(request),
                    reason=form.cleaned_data["reason"],
                )
            except BookingError as refused:
                self.message_user(request, str(refused), messages.ERROR)
                return HttpResponseRedirect(_page("change", object_id))
            self.message_user(
                request,
                _("“%(title)s” is cancelled. Its page offers to restore it.")
                % {"title": booking.title},
                messages.SUCCESS,
            )
            return HttpResponseRedirect(reverse("admin:bookings_booking_changelist"))
        return TemplateResponse(
            request,
            "console/bookings/cancel.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Cancel “%(title)s”") % {"title": booking.title},
                "booking": booking,
                "words": in_words(booking.span),
                "form": form,
                "mails": telling_bookings.mails_when_cancelled(booking),
            },
        )

    @action(description=gettext_lazy("History"), icon="history", url_path="changes")
    def history_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(_page("history", object_id))

    def restore_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Undo a cancellation; only on POST, and only for those who may write."""
        booking = self._found(request, object_id)
        if request.method == "POST" and allows(request, Role.MANAGER):
            try:
                services.restore(booking=booking, revision=booking.revision, by=_person(request))
            except BookingError as refused:
                self.message_user(request, str(refused), messages.ERROR)
            else:
                self.message_user(
                    request,
                    _("“%(title)s” is restored.") % {"title": booking.title},
                    messages.SUCCESS,
                )
        return HttpResponseRedirect(_page("change", object_id))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        booking = self._found(request, object_id)
        changes = BookingChange.objects.filter(booking=booking).select_related("by")
        return TemplateResponse(
            request,
            self.object_history_template,
            {
                **self.admin_site.each_context(request),
                "title": _("History of “%(title)s”") % {"title": booking.title},
                "object": booking,
                "changes": [(change, _differences(change)) for change in changes[:200]],
            },
        )

    def _found(self, request: HttpRequest, object_id: str) -> Booking:
        rows = self.get_queryset(request).select_related("resource__location__tenant")
        if not object_id.isdigit():
            rows = rows.none()
        booking: Booking = get_object_or_404(rows, pk=object_id if object_id.isdigit() else 0)
        return booking

    # --- The form ---

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[BookingForm]:
        form: type[BookingForm] = super().get_form(request, obj, change=change, **kwargs)
        # The admin makes a class per request; it knows who asks.
        form.user = _person(request)
        return form

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        booked = (request.resolver_match.kwargs if request.resolver_match else {}).get("object_id")
        own = models.Q(bookings=booked) if booked and booked.isdigit() else models.Q()
        kwargs["queryset"] = (
            Resource.objects.filter(models.Q(is_active=True, archived_at=None) | own)
            .select_related("location")
            .distinct()
            if own
            else Resource.objects.bookable().select_related("location")
        )
        kwargs["form_class"] = ResourceField
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None:
            # Resources are made on their own page, where all of their fields are.
            field.widget.can_add_related = field.widget.can_change_related = False
            field.widget.can_view_related = field.widget.can_delete_related = False
        return field

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        here = standing(request)
        zone = ZoneInfo(here.tenant.time_zone if here else "UTC")
        return {
            "starts_on": timezone.localdate(timezone=zone).isoformat(),
            **super().get_changeform_initial_data(request),
        }

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *args: Any,
        **kwargs: Any,
    ) -> HttpResponse:
        form, booking = context["adminform"].form, context.get("original")
        context["booking"] = booking
        context["may_write"] = allows(request, Role.MANAGER)
        if booking is not None:
            context.update(in_exchange(booking))
        if hasattr(form, "both_versions"):
            context["stale_rows"] = form.both_versions()
            context["over_exchange"] = form.over_exchange
            context["day"] = chosen_day(
                request,
                _chosen(form, "resource"),
                _chosen(form, "starts_on"),
                str(booking.pk) if booking else "",
            )
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Booking:
        """The form's validation has written it already."""
        saved: Booking = form.saved
        return saved

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Written already."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing hangs on a booking."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """BookingChange tells it."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """BookingChange tells it."""

    # --- Permissions ---

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and (obj.is_cancelled or not obj.is_ours):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A booking is cancelled, never deleted."""
        return False


def in_exchange(booking: Booking) -> dict[str, Any]:
    """How a booking stands with Exchange: label, words, and what is to be decided."""
    condition = telling_bookings.condition_of(booking)
    return {
        "in_exchange": condition,
        "in_exchange_tone": CALENDAR_LABELS.get(condition.shown.value, ""),
        "conflicts": [
            (conflict, conflict_words.headline(conflict)) for conflict in condition.conflicts
        ],
    }


def _page(name: str, object_id: str) -> str:
    return reverse(f"admin:bookings_booking_{name}", args=[object_id])


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise TypeError("a page behind the sign-in was reached without one")
    return request.user


def _chosen(form: BookingForm, name: str) -> str:
    value = form[name].value() if name in form.fields else getattr(form.instance, name, "")
    if isinstance(value, Resource):
        value = value.pk
    return "" if value is None else str(value)


def _differences(change: BookingChange) -> list[tuple[str, str, str]]:
    """Label, before, after."""
    names = {
        "title": _("Title"),
        "person": _("Person"),
        "person_email": _("Email"),
        "notes": _("Notes"),
        "resource": _("Resource"),
        "status": _("Status"),
        "starts": _("Start"),
        "ends": _("End"),
        "time_zone": _("Time zone"),
        "all_day": _("All day"),
        "cancel_reason": _("Reason"),
    }
    return [
        (names.get(name, name), change.before.get(name, ""), value)
        for name, value in change.after.items()
        if value or change.before.get(name)
    ]
