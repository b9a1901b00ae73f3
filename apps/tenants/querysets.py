"""The one way to reach rows that belong to a tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from django.db import models

if TYPE_CHECKING:
    from apps.tenants.models import Tenant

M = TypeVar("M", bound=models.Model)


class TenantQuerySet(models.QuerySet[M]):
    """Rows of models that lead to a tenant through `tenant_path`.

    A model has one such path and no tenant column beside it, so that the two cannot disagree.
    """

    tenant_path: ClassVar[str] = "tenant"

    def for_tenant(self, tenant: Tenant | None) -> Self:
        """The rows of this tenant; none at all without one."""
        return self.none() if tenant is None else self.filter(**{self.tenant_path: tenant})
