"""Which tenant has an organisation of Microsoft 365 as a whole, or had it last. It outlives the connection."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.tenants.models import Tenant
from apps.tenants.querysets import TenantQuerySet


class OrganisationClaimQuerySet(TenantQuerySet["OrganisationClaim"]):
    pass


class OrganisationClaim(models.Model):
    """An organisation's consent is the application's and stays at Microsoft: whose installing it served."""

    # Entra's id of it, in small letters.
    organisation_id = models.CharField(_("organisation’s id"), max_length=36, unique=True)
    # None: that tenant is gone, and the consent may still be there.
    tenant = models.ForeignKey(
        Tenant,
        models.SET_NULL,
        null=True,
        related_name="organisation_claims",
        verbose_name=_("tenant"),
    )
    claimed_at = models.DateTimeField(_("since"), auto_now=True)

    objects = OrganisationClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("claim of an organisation")
        verbose_name_plural = _("claims of organisations")
        ordering = ("organisation_id",)

    def __str__(self) -> str:
        return self.organisation_id
