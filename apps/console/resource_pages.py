"""Resources: list, form, archive, import and export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import action, display

from apps.bookings.models import Booking
from apps.console import resource_csv
from apps.console.calendar_pages import TONES, state
from apps.console.held_pages import HeldPages
from apps.console.leave_pages import Leaving
from apps.console.people_pages import confirm
from apps.console.resource_forms import ImportForm, ResourceForm
from apps.console.tenant_admin import TenantRelatedFilter, is_copy
from apps.exchange.models import ExchangeConnection
from apps.resources import services
from apps.resources.csv_format import COLUMNS, Unreadable
from apps.resources.models import Location, Resource
from apps.sync import addresses, telling
from apps.sync.addresses import WouldLeave
from apps.sync.telling import Shown
from apps.tenants.models import User
from apps.tenants.time_zones import time_zone_names

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


CALENDAR = gettext_lazy("Calendar")


class StateFilter(admin.SimpleListFilter):
    """Without a choice, what is not archived."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [
            ("active", _("Active")),
            ("inactive", _("Inactive")),
            ("archived", _("Archived")),
            ("all", _("All")),
        ]

    def choices(self, changelist: Any) -> Any:
        rest = list(super().choices(changelist))
        rest[0]["display"] = _("Not archived")
        return rest

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "active":
                return queryset.filter(is_active=True, archived_at=None)
            case "inactive":
                return queryset.filter(is_active=False, archived_at=None)
            case "archived":
                return queryset.exclude(archived_at=None)
            case "all":
                return queryset
            case _:
                return queryset.filter(archived_at=None)


class CalendarFilter(admin.SimpleListFilter):
    """By the state of the calendar, as the list shows it."""

    title = gettext_lazy("calendar")
    parameter_name = "calendar"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, Any]]:
        return list(Shown.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in Shown.values:
            return queryset.filter(calendar_shown=self.value())
        return queryset


@admin.register(Resource)
class ResourceAdmin(HeldPages):
    form = ResourceForm
    list_display = ("name", "location", "kind", "capacity", "calendar", "state")
    list_select_related = ("location",)
    list_filter = (("location", TenantRelatedFilter), "kind", StateFilter, CalendarFilter)
    list_filter_submit = False
    search_fields = ("name", "description", "location__name")
    actions = ("archive_selected",)
    actions_list = ("import_list", "export_list")
    actions_row = ("edit_row", "bookings_row", "archive_row")
    readonly_fields = ("photo_shown",)
    fieldsets = (
        (
            gettext_lazy("Basics"),
            {"fields": ("name", "location", ("kind", "capacity"), "time_zone", "is_active")},
        ),
        (CALENDAR, {"fields": ("mailbox",)}),
        (
            gettext_lazy("Photo and description"),
            {"fields": ("description", "photo_shown", "new_photo", "remove_photo")},
        ),
    )
    change_form_template = "console/resources/form.html"
    change_form_after_template = "console/people/time_zones.html"
    empty_title = gettext_lazy("No resources yet")
    empty_text = gettext_lazy(
        "Rooms, desks and equipment are what people book. Add one, or import a file with many."
    )

    @display(
        description=gettext_lazy("state"),
        ordering="archived_at",
        label={"active": "success", "inactive": "warning", "archived": "danger"},
    )
    def state(self, resource: Resource) -> tuple[str, str]:
        if resource.is_archived:
            return "archived", _("Archived")
        return ("active", _("Active")) if resource.is_active else ("inactive", _("Inactive"))

    @display(
        description=gettext_lazy("calendar"),
        ordering="calendar_shown",
        label={state.value: tone for state, tone in TONES.items()},
    )
    def calendar(self, resource: Resource) -> tuple[str, str]:
        shown = Shown(vars(resource)["calendar_shown"])
        return shown.value, str(shown.label)

    @display(description=gettext_lazy("photo now"))
    def photo_shown(self, resource: Resource) -> str:
        if not resource.photo:
            return _("None yet.")
        return format_html(
            '<img class="resource-photo" src="{}" alt="{}">',
            reverse("admin:resource_photo", args=[resource.uuid]),
            _("Photo of %(resource)s") % {"resource": resource},
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        shown = telling.shown(timezone.now(), "calendar_link__", is_silent=is_copy(request))
        rows: QuerySet[Any] = super().get_queryset(request).annotate(calendar_shown=shown)
        return rows

    def get_urls(self) -> list[URLPattern]:
        return [*self.calendar_urls(), *super().get_urls()]

    # --- The three dots ---

    @action(description=gettext_lazy("Edit"), icon="edit", url_path="edit")
    def edit_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:resources_resource_change", args=[object_id]))

    @action(description=gettext_lazy("Bookings"), icon="event", url_path="bookings")
    def bookings_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        resource = self.found(request, object_id)
        listed = reverse("admin:bookings_booking_changelist")
        return HttpResponseRedirect(f"{listed}?resource__id__exact={resource.pk}")

    @action(
        description=gettext_lazy("Archive or restore"),
        icon="archive",
        url_path="archive",
        permissions=["change"],
    )
    def archive_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask once, telling what stays; then archive, or take back into use."""
        resource = self.found(request, object_id)
        back = reverse("admin:resources_resource_changelist")
        if request.method == "POST":
            if resource.is_archived:
                services.restore(resource)
                words = _("%(resource)s is in use again.")
            else:
                try:
                    addresses.give_up(resource)
                except WouldLeave:
                    return HttpResponseRedirect(Leaving(then="archive").address(resource))
                services.archive(resource)
                words = _("%(resource)s is archived. Under Filters, state, it can be restored.")
            self.message_user(request, words % {"resource": resource}, messages.SUCCESS)
            return HttpResponseRedirect(back)
        calendar = telling.calendar_of(resource)
        if calendar is not None and not resource.is_archived and addresses.would_leave(calendar):
            return HttpResponseRedirect(Leaving(then="archive").address(resource))
        upcoming = Booking.objects.filter(resource=resource).upcoming().count()
        if resource.is_archived:
            title, button = _("Restore %(resource)s"), _("Restore")
            words = _("It can be booked again, and is in the list as before.")
        else:
            title, button = _("Archive %(resource)s"), _("Archive")
            words = ngettext(
                "It takes no new bookings. %(n)s booking to come stays until you cancel it.",
                "It takes no new bookings. %(n)s bookings to come stay until you cancel them.",
                upcoming,
            ) % {"n": upcoming}
        response = confirm(
            request,
            self,
            title=title % {"resource": resource},
            words=words,
            button=button,
            back=back,
        )
        if upcoming and response.context_data is not None:
            listed = reverse("admin:bookings_booking_changelist")
            response.context_data["link"] = f"{listed}?resource__id__exact={resource.pk}"
            response.context_data["link_words"] = _("See these bookings")
        return response

    @admin.action(description=gettext_lazy("Archive selected resources"), permissions=["change"])
    def archive_selected(
        self, request: HttpRequest, queryset: QuerySet[Resource]
    ) -> HttpResponse | None:
        archived = self.archive_many(request, queryset)
        if isinstance(archived, HttpResponse):
            return archived
        self.message_user(
            request,
            ngettext(
                "%(n)s resource is archived. Under Filters, state, it can be restored.",
                "%(n)s resources are archived. Under Filters, state, they can be restored.",
                archived,
            )
            % {"n": archived},
            messages.SUCCESS,
        )
        return None

    # --- Files ---

    @action(
        description=gettext_lazy("Import"), icon="upload", url_path="import", permissions=["change"]
    )
    def import_list(self, request: HttpRequest) -> HttpResponse:
        form = ImportForm(request.POST or None, request.FILES or None)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _("Import resources"),
            "form": form,
            "columns": COLUMNS,
        }
        if request.method == "POST" and form.is_valid():
            try:
                context["outcome"] = outcome = resource_csv.load(
                    tenant=self.tenant(request),
                    content=form.cleaned_data["file"],
                    check_only=form.cleaned_data["check_only"],
                    by=_person(request),
                )
            except Unreadable as refused:
                form.add_error("file", str(refused))
            else:
                if not outcome.errors and not form.cleaned_data["check_only"]:
                    self.message_user(
                        request,
                        _("Imported: %(added)s new, %(changed)s changed, %(same)s as before.")
                        % {
                            "added": outcome.added,
                            "changed": outcome.changed,
                            "same": outcome.same,
                        },
                        messages.SUCCESS,
                    )
                    return HttpResponseRedirect(reverse("admin:resources_resource_changelist"))
        return TemplateResponse(request, "console/resources/import.html", context)

    @action(
        description=gettext_lazy("Export"), icon="download", url_path="export", permissions=["view"]
    )
    def export_list(self, request: HttpRequest) -> HttpResponse:
        tenant = self.tenant(request)
        # With a mark that tells spreadsheets that it is UTF-8; importing takes it away again.
        return HttpResponse(
            resource_csv.export(tenant).encode("utf-8-sig"),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="resources-{tenant.slug}.csv"'},
        )

    # --- The form ---

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[ResourceForm]:
        form: type[ResourceForm] = super().get_form(request, obj, change=change, **kwargs)
        form.user = _person(request)
        form.tenant = self.tenant(request)
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Which connection is asked where there are several; viewers read the state alone."""
        fields: tuple[str, ...] = ("mailbox",)
        if not self.has_change_permission(request, obj):
            fields = ()
        elif ExchangeConnection.objects.for_tenant(self.tenant(request)).installed().count() > 1:
            fields = ("mailbox", "connection")
        return [
            (name, {**told, "fields": fields} if name == CALENDAR else told)
            for name, told in super().get_fieldsets(request, obj)
        ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {
            "time_zone": self.tenant(request).time_zone,
            **super().get_changeform_initial_data(request),
        }

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["time_zone_names"] = time_zone_names()
        context["calendar_heading"] = CALENDAR
        context["suggests"] = (
            self.has_change_permission(request)
            and ExchangeConnection.objects.for_tenant(self.tenant(request)).installed().exists()
        )
        if resource := context.get("original"):
            context.update(state(request, resource))
        if not Location.objects.for_tenant(self.tenant(request)).exists():
            self.message_user(
                request,
                format_html(
                    '{} <a class="underline" href="{}">{}</a>',
                    _("A resource stands in a location, and there is none yet."),
                    reverse("admin:resources_location_add"),
                    _("Add a location first"),
                ),
                messages.WARNING,
            )
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response

    def save_model(self, request: HttpRequest, obj: Resource, form: Any, change: bool) -> None:
        vars(obj)["leaving"] = form.leaving
        # A calendar that was just asked for is connected while the person looks.
        vars(obj)["connects"] = "mailbox" in form.changed_data and form.cleaned_data.get("mailbox")
        if form.cleaned_data.get("remove_photo"):
            obj.photo = None
        if photo := form.cleaned_data.get("new_photo"):
            obj.photo = photo
        services.save(obj)

    def response_change(self, request: HttpRequest, obj: Resource) -> HttpResponse:
        """The rest is stored; what leaving the mailbox means is asked on a page of its own."""
        leaving = vars(obj).get("leaving")
        if leaving is not None:
            return HttpResponseRedirect(leaving.address(obj))
        response: HttpResponse = super().response_change(request, obj)
        return self._to_calendar(request, obj, response)

    def response_add(
        self, request: HttpRequest, obj: Resource, post_url_continue: str | None = None
    ) -> HttpResponse:
        response: HttpResponse = super().response_add(request, obj, post_url_continue)
        return self._to_calendar(request, obj, response)

    def _to_calendar(
        self, request: HttpRequest, obj: Resource, otherwise: HttpResponse
    ) -> HttpResponse:
        """After *Save* of a new address: where it says how connecting goes, and why it does not."""
        if not vars(obj).get("connects") or "_save" not in request.POST or "_popup" in request.POST:
            return otherwise
        page = reverse("admin:resources_resource_change", args=[obj.pk])
        return HttpResponseRedirect(f"{page}#calendar-state")

    # --- Permissions ---

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What has bookings, or had a calendar, is archived: its past stays readable."""
        if obj is not None and (obj.bookings.exists() or telling.calendar_of(obj) is not None):
            return False
        return super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: Resource) -> None:
        services.delete(obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise TypeError("a page behind the sign-in was reached without one")
    return request.user
