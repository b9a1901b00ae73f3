"""The forms of resources: one resource, and a file with many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from apps.bookings.errors import BookingError
from apps.bookings.services import rezone
from apps.resources import photos
from apps.resources.errors import PhotoRefused
from apps.resources.models import Resource

if TYPE_CHECKING:
    from apps.tenants.models import User


class ResourceForm(forms.ModelForm[Resource]):
    """One resource. A new time zone moves its bookings, which may refuse it."""

    new_photo = forms.FileField(
        label=gettext_lazy("Photo"),
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy("JPEG, PNG or WebP. It is made smaller, and notes of place go."),
    )
    remove_photo = forms.BooleanField(
        label=gettext_lazy("Remove the photo"), required=False, widget=UnfoldBooleanWidget
    )

    user: User

    class Meta:
        model = Resource
        fields = (
            "name",
            "location",
            "kind",
            "capacity",
            "time_zone",
            "description",
            "is_active",
        )
        widgets = {
            "time_zone": UnfoldAdminTextInputWidget(attrs={"list": "time-zones"}),
            "description": UnfoldAdminTextareaWidget,
        }

    def clean_new_photo(self) -> Any:
        upload = self.cleaned_data["new_photo"]
        if not upload:
            return None
        try:
            return photos.kept(upload)
        except PhotoRefused as refused:
            raise forms.ValidationError(str(refused)) from refused

    def _post_clean(self) -> None:
        """The move to another zone is tried last: only the bookings know whether they fit.

        It writes, so that nothing after it may refuse the form; the admin's view around it is one
        transaction.
        """
        super()._post_clean()  # type: ignore[misc]
        zone = self.cleaned_data.get("time_zone")
        if self.errors or self.instance._state.adding or zone == self.initial["time_zone"]:
            return
        stored = Resource.objects.select_related("location__tenant").get(pk=self.instance.pk)
        try:
            rezone(resource=stored, time_zone=zone or "", by=self.user)
        except BookingError as refused:
            self.add_error(
                "time_zone",
                _("In this zone two bookings would meet. %(why)s") % {"why": refused},
            )


class ImportForm(forms.Form):
    """A CSV file with resources."""

    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv"}),
    )
    check_only = forms.BooleanField(
        label=gettext_lazy("Only check, store nothing"),
        required=False,
        initial=True,
        widget=UnfoldBooleanWidget,
    )

    def clean_file(self) -> bytes:
        upload = self.cleaned_data["file"]
        if upload.size > settings.CSV_MAX_BYTES:
            raise forms.ValidationError(
                _("This file has %(size)s; %(max)s are allowed. Split it, and import the parts.")
                % {
                    "size": filesizeformat(upload.size),
                    "max": filesizeformat(settings.CSV_MAX_BYTES),
                }
            )
        content: bytes = upload.read()
        return content
