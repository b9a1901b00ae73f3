"""Locations: list and form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from apps.console.tenant_admin import TenantAdmin
from apps.resources.models import Location

if TYPE_CHECKING:
    from django.http import HttpRequest

    from apps.tenants.models import Tenant


class LocationForm(forms.ModelForm[Location]):
    class Meta:
        model = Location
        fields = ("name", "address")

    tenant: Tenant

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        same = Location.objects.for_tenant(self.tenant).filter(name__iexact=name)
        if same.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("You have a location with this name already."))
        return name


@admin.register(Location)
class LocationAdmin(TenantAdmin):
    form = LocationForm
    list_display = ("name", "address", "resources")
    search_fields = ("name", "address")
    # Said again, because rows that are counted in groups lose the model's own order.
    ordering = ("name", "pk")
    fields = ("name", "address")
    actions = None
    empty_title = gettext_lazy("No locations yet")
    empty_text = gettext_lazy(
        "A location is a building with rooms, desks and equipment in it. Add the first one."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Location]:
        rows: QuerySet[Location] = super().get_queryset(request)
        return rows.annotate(resources_count=Count("resources"))

    @display(description=gettext_lazy("resources"), ordering="resources_count")
    def resources(self, location: Location) -> int:
        count: int = getattr(location, "resources_count", 0)
        return count

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[LocationForm]:
        form: type[LocationForm] = super().get_form(request, obj, change=change, **kwargs)
        form.tenant = self.tenant(request)
        return form

    def save_model(self, request: HttpRequest, obj: Location, form: Any, change: bool) -> None:
        if not change:
            obj.tenant = self.tenant(request)
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only when it is empty; its resources are archived or moved first."""
        if obj is not None and obj.resources.exists():
            return False
        return super().has_delete_permission(request, obj)
