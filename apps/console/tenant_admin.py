"""What every page about a tenant's rows shares: the wall, and the roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.contrib.admin import RelatedFieldListFilter
from django.db import models
from django.utils.text import capfirst
from unfold.admin import ModelAdmin

from apps.tenants.installation import may_send
from apps.tenants.models import Role, Tenant
from apps.tenants.querysets import TenantQuerySet
from apps.tenants.standing import standing

if TYPE_CHECKING:
    from django import forms
    from django.http import HttpRequest, HttpResponse

M = TypeVar("M", bound=models.Model)


def scoped(queryset: models.QuerySet[M], request: HttpRequest) -> models.QuerySet[M]:
    """Only the rows of the tenant in which the request stands.

    Raises:
        TypeError: the model has no tenant-scoped queryset, so that it cannot be shown here.
    """
    if not isinstance(queryset, TenantQuerySet):
        raise TypeError(f"{queryset.model.__name__} is not reached through a TenantQuerySet")
    here = standing(request)
    return queryset.for_tenant(here.tenant if here else None)


def allows(request: HttpRequest, role: Role) -> bool:
    """Whether the request stands in a tenant with this role, or a larger one."""
    here = standing(request)
    return here is not None and here.allows(role)


def is_copy(request: HttpRequest) -> bool:
    """Whether this database is a copy that sends nothing; asked once a request."""
    if not hasattr(request, "_is_copy"):
        request._is_copy = not may_send()  # type: ignore[attr-defined]
    return bool(request._is_copy)  # type: ignore[attr-defined]


class TenantAdmin(ModelAdmin):
    """A model's pages, about the rows of one tenant alone.

    Every queryset that reaches a page or a form field goes through `scoped`.
    """

    role_to_view: ClassVar[Role] = Role.VIEWER
    role_to_write: ClassVar[Role] = Role.MANAGER

    list_per_page = 50
    show_full_result_count = False
    save_on_top = False
    warn_unsaved_form = True
    list_filter_submit = True

    def tenant(self, request: HttpRequest) -> Tenant:
        """The tenant in which the request stands; pages are not reached without one."""
        here = standing(request)
        if here is None:
            raise LookupError("a page of a tenant was reached without one")
        return here.tenant

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return scoped(super().get_queryset(request), request)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # A browser's tab says what the page lists; Django's “Select … to change” is about itself.
        title = capfirst(str(self.opts.verbose_name_plural))
        response: HttpResponse = super().changelist_view(
            request, {"title": title, **(extra_context or {})}
        )
        return response

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField[Any] | None:
        everyones = kwargs.get("queryset")
        if everyones is None:
            everyones = db_field.remote_field.model._default_manager.all()
        kwargs["queryset"] = scoped(everyones, request)
        field: forms.ModelChoiceField[Any] | None = super().formfield_for_foreignkey(
            db_field, request, **kwargs
        )
        return field

    def has_module_permission(self, request: HttpRequest) -> bool:
        return allows(request, self.role_to_view)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allows(request, self.role_to_view)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return allows(request, self.role_to_write)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allows(request, self.role_to_write)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allows(request, self.role_to_write)


class TenantRelatedFilter(RelatedFieldListFilter):
    """A filter that offers the tenant's own rows; Django's offers everybody's."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: ModelAdmin
    ) -> list[tuple[Any, Any]]:
        rows = scoped(field.remote_field.model.objects.all(), request)
        return [(row.pk, str(row)) for row in rows]
