"""What can be done to resources and locations. Who may do it is asked before, by the console."""

from __future__ import annotations

import logging
import secrets
from functools import partial
from typing import TYPE_CHECKING

from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.resources.errors import CalendarRefused
from apps.resources.models import Resource

if TYPE_CHECKING:
    from django.db.models.fields.files import ImageFieldFile

# What the form writes to a resource that is there. Its time zone is moved with its bookings
# (bookings.services.rezone), the other columns are written by the functions here.
EDITABLE = ("location", "name", "kind", "capacity", "description", "photo", "is_active")

logger = logging.getLogger(__name__)

# How often a tenant may run into another's address before it is answered without a look: enough
# for typing errors, too few for learning which addresses others have.
REFUSALS_PER_HOUR = 10


def set_calendar_email(resource: Resource, email: str | None) -> None:
    """Give a resource the address of its mailbox, or take it away with an empty one.

    Raises:
        CalendarRefused: no email address, or another resource has it. Nothing is stored.
    """
    email = (email or "").strip() or None
    if email is not None:
        _refuse_bad_form(email)
        _refuse_double(resource, email)
    try:
        with transaction.atomic():
            Resource.objects.filter(pk=resource.pk).update(calendar_email=email)
    except IntegrityError as exc:
        # Someone was quicker between the look and the write: look again for the words.
        _refuse_double(resource, email or "")
        raise CalendarRefused(_refusal(_("another resource took this address just now."))) from exc
    resource.calendar_email = email


@transaction.atomic
def save(resource: Resource) -> None:
    """Store a resource, new or changed, without its time zone if it is there already.

    A photo that it no longer has leaves the disk when all is stored.
    """
    if resource._state.adding:
        resource.save(force_insert=True)
        return
    before = Resource.objects.select_for_update().get(pk=resource.pk).photo
    resource.save(update_fields=EDITABLE)
    if before and before.name != resource.photo.name:
        _drop_photo(before)


@transaction.atomic
def delete(resource: Resource) -> None:
    """Delete a resource that never had a booking, and its photo.

    Raises:
        ProtectedError: it has bookings. Archive it.
    """
    photo = resource.photo
    resource.delete()
    if photo:
        _drop_photo(photo)


def _drop_photo(photo: ImageFieldFile) -> None:
    transaction.on_commit(partial(photo.storage.delete, photo.name or ""), robust=True)


def archive(resource: Resource) -> None:
    """Take a resource out of use; its bookings and history stay."""
    now = timezone.now()
    Resource.objects.filter(pk=resource.pk, archived_at=None).update(archived_at=now)
    resource.refresh_from_db(fields=["archived_at"])


def restore(resource: Resource) -> None:
    """Take an archived resource into use again."""
    Resource.objects.filter(pk=resource.pk).update(archived_at=None)
    resource.archived_at = None


def _refuse_bad_form(email: str) -> None:
    try:
        validate_email(email)
    except ValidationError as exc:
        raise CalendarRefused(
            _refusal(
                _(
                    "“%(email)s” is not an email address. "
                    "Type the address of the mailbox, such as room@example.com."
                )
                % {"email": email}
            )
        ) from exc


def _refuse_double(resource: Resource, email: str) -> None:
    """Name the other resource when it is the same tenant's, and only then."""
    key = f"calendar-email-refusals:{resource.tenant.pk}"
    if cache.get(key, 0) >= REFUSALS_PER_HOUR:
        raise CalendarRefused(
            _refusal(_("too many addresses were refused in the last hour. Try again later."))
        )
    holder = (
        Resource.objects.select_related("location__tenant")
        .filter(calendar_email__iexact=email)
        .exclude(pk=resource.pk)
        .first()
    )
    if holder is None:
        return
    if holder.tenant == resource.tenant:
        raise CalendarRefused(
            _refusal(
                _(
                    "%(email)s is connected to “%(resource)s” in %(location)s. "
                    "One calendar belongs to one resource: clear it there first."
                )
                % {"email": email, "resource": holder, "location": holder.location}
            )
        )
    cache.add(key, 0, timeout=3600)
    cache.incr(key)
    raise CalendarRefused(_refusal(anothers(resource, holder)))


def anothers(resource: Resource, holder: Resource) -> str:
    """Why not, where another tenant has the mailbox: one sentence, the same for every cause.

    Its code leads the superuser, who reads the log, to the holder; the tenant learns nothing.
    """
    code = secrets.token_hex(4)
    logger.warning(
        "calendar email refused, code %s: resource %s wants what resource %s has",
        code,
        resource.pk,
        holder.pk,
    )
    return _(
        "this address cannot be used here. Ask your administrator, with the code %(code)s."
    ) % {"code": code}


def _refusal(why: str) -> str:
    return _("Could not connect resource to calendar: %(why)s") % {"why": why}
