"""That people were told of the client secret's end: each threshold once, whoever's worker is first."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class SecretWarning(models.Model):
    """One mail about the end of the installation's client secret."""

    # The end that was told: a new secret has another one, and is told of anew.
    expires_on = models.DateField(_("expires on"))
    days_before = models.PositiveSmallIntegerField(_("days before"))
    told_at = models.DateTimeField(_("told at"), auto_now_add=True)

    class Meta:
        verbose_name = _("warning of the secret's end")
        verbose_name_plural = _("warnings of the secret's end")
        ordering = ("expires_on", "-days_before")
        constraints = (
            models.UniqueConstraint(
                fields=("expires_on", "days_before"), name="secret_warning_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.expires_on}: {self.days_before}"
