"""The forms of resources: one resource, and a file with many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from apps.bookings.errors import BookingError
from apps.bookings.services import rezone
from apps.console.leave_pages import Leaving
from apps.exchange.models import ExchangeConnection
from apps.resources import photos, services
from apps.resources.errors import CalendarRefused, PhotoRefused
from apps.resources.models import Resource
from apps.sync import addresses
from apps.sync.models import CalendarLink

if TYPE_CHECKING:
    from apps.tenants.models import Tenant, User


class ResourceForm(forms.ModelForm[Resource]):
    """One resource. A new time zone moves its bookings, which may refuse it."""

    new_photo = forms.FileField(
        label=gettext_lazy("Photo"),
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy(
            "JPEG, PNG or WebP. It is made smaller, and where it was taken is erased."
        ),
    )
    # Not named as the model's field, which no form writes.
    mailbox = forms.CharField(
        label=gettext_lazy("Calendar email"),
        required=False,
        max_length=254,
        widget=UnfoldAdminEmailInputWidget(
            attrs={"autocomplete": "off", "spellcheck": "false", "list": "mailboxes"}
        ),
        help_text=gettext_lazy(
            "The address of the Exchange mailbox of this room or equipment, such as "
            "room@example.com. One mailbox belongs to one resource. Empty: no calendar."
        ),
    )
    connection = forms.ModelChoiceField(
        ExchangeConnection.objects.none(),
        label=gettext_lazy("Exchange connection"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Which of your Exchange connections has this mailbox."),
    )
    remove_photo = forms.BooleanField(
        label=gettext_lazy("Remove the photo"), required=False, widget=UnfoldBooleanWidget
    )

    user: User
    tenant: Tenant
    # Filled where an open mailbox would be left: the page that asks comes next.
    leaving: Leaving | None = None

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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["mailbox"] = self.instance.calendar_email or ""
        mine = ExchangeConnection.objects.for_tenant(self.tenant).installed()
        if len(mine) <= 1:
            # The only one there is goes without saying.
            del self.fields["connection"]
            return
        field = self.fields["connection"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 -- declared above
        field.queryset = mine
        calendar = CalendarLink.objects.filter(resource=self.instance.pk or 0).first()
        self.initial["connection"] = calendar.connection_id if calendar else None

    def clean_new_photo(self) -> Any:
        upload = self.cleaned_data["new_photo"]
        if not upload:
            return None
        try:
            return photos.kept(upload)
        except PhotoRefused as refused:
            raise forms.ValidationError(str(refused)) from refused

    def _post_clean(self) -> None:
        """What only the rows can tell is tried last, by doing it: the calendar, then the zone.

        Both are undone if either is refused; the admin's view around it is one transaction.
        """
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        is_new = self.instance._state.adding
        try:
            with transaction.atomic():
                if is_new:
                    self._store_connected()
                else:
                    self._change_calendar()
                    self._rezone()
        except CalendarRefused as refused:
            self.add_error("mailbox", str(refused))
        except BookingError as refused:
            self.add_error(
                "time_zone",
                _("In this zone two bookings would meet. %(why)s") % {"why": refused},
            )
        if self.errors and is_new:
            # What was stored for the calendar's sake was undone.
            self.instance.pk = None
            self.instance._state.adding = True

    def _store_connected(self) -> None:
        """A new resource with a calendar: it is stored first, for the calendar to be its own."""
        if typed := self.cleaned_data.get("mailbox"):
            services.save(self.instance)
            addresses.change(self.instance, typed, self.cleaned_data.get("connection"))

    def _change_calendar(self) -> None:
        # A form without the field says nothing of the calendar.
        if self.add_prefix("mailbox") not in self.data:
            return
        typed = self.cleaned_data["mailbox"]
        connection = self.cleaned_data.get("connection")
        is_switched_off = self.initial["is_active"] and not self.instance.is_active
        try:
            if is_switched_off:
                addresses.give_up(self.instance)
            elif "mailbox" in self.changed_data or "connection" in self.changed_data:
                addresses.change(self.instance, typed, connection)
        except addresses.WouldLeave:
            if is_switched_off:
                self.instance.is_active = True
                self.leaving = Leaving(then="inactive")
            else:
                self.leaving = Leaving(typed, connection.pk if connection else None)

    def _rezone(self) -> None:
        zone = self.cleaned_data.get("time_zone")
        if zone != self.initial["time_zone"]:
            stored = Resource.objects.select_related("location__tenant").get(pk=self.instance.pk)
            rezone(resource=stored, time_zone=zone or "", by=self.user)


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
