"""The form of a booking. It says what to write; services write, and their refusals show here."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import INPUT_CLASSES, UnfoldAdminTextareaWidget

from apps.bookings import services
from apps.bookings.columns import columns
from apps.bookings.errors import BookingError, StaleBooking, in_words
from apps.bookings.models import Booking
from apps.bookings.walltime import MIDNIGHT, Span
from apps.resources.models import Resource
from apps.sync.telling_bookings import booked_in_exchange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.tenants.models import User

CLASSES = {"class": " ".join(INPUT_CLASSES)}
# What a person writes; compared field by field when somebody else was quicker.
WRITTEN = (
    "resource",
    "all_day",
    "starts_on",
    "starts_time",
    "ends_on",
    "ends_time",
    "title",
    "person",
    "person_email",
    "notes",
)


class ResourceField(forms.ModelChoiceField[Resource]):
    """Two locations may have a resource of the same name."""

    def label_from_instance(self, obj: Resource) -> str:
        return f"{obj.name} · {obj.location.name}"


class BookingForm(forms.ModelForm[Booking]):
    """A new booking, or another version of one.

    Only the database knows whether a time is still free, so that writing is the last step of
    validation; the admin's view around it is one transaction. `saved` is the booking as stored,
    `stale` the one that somebody else stored meanwhile.
    """

    # Not named as the model's field, which no form writes.
    read_revision = forms.IntegerField(widget=forms.HiddenInput, required=False)
    # The keys of Exchange's bookings that somebody was warned of, and wants to book over.
    despite = forms.CharField(widget=forms.HiddenInput, required=False)
    starts_time = forms.TimeField(
        label=_("From"),
        required=False,
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time", **CLASSES}),
    )
    ends_time = forms.TimeField(
        label=_("To"),
        required=False,
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time", **CLASSES}),
    )
    ends_on = forms.DateField(
        label=_("Last day"),
        required=False,
        help_text=_("Leave empty when it ends on the day on which it starts."),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", **CLASSES}),
    )

    user: User
    saved: Booking | None = None
    stale: Booking | None = None
    over_exchange: Sequence[Booking] = ()

    class Meta:
        model = Booking
        fields = WRITTEN
        widgets = {
            "starts_on": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", **CLASSES}),
            "notes": UnfoldAdminTextareaWidget,
        }
        help_texts = {"all_day": _("Whole days, from the date to the last day.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        booking = self.instance
        if booking._state.adding:
            return
        self.initial["read_revision"] = booking.revision
        span = booking.span
        last_day = span.last_day if booking.all_day else booking.ends_on
        self.initial["ends_on"] = None if last_day == booking.starts_on else last_day
        if booking.all_day:
            self.initial.update(starts_time=None, ends_time=None)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not cleaned.get("all_day"):
            for name in ("starts_time", "ends_time"):
                if name not in self.errors and cleaned.get(name) is None:
                    self.add_error(name, _("Say a time, or tick “all day”."))
        if not self.errors:
            self._warn_of_exchange(cleaned)
        if not self.errors:
            self._write(cleaned)
        return cleaned

    def _warn_of_exchange(self, cleaned: dict[str, Any]) -> None:
        """Ask once before a booking goes over what Exchange has; the engine would ask later."""
        try:
            told = columns(self._span(cleaned))
        except BookingError:
            # The service says it better.
            return
        starts_at, ends_at = told["starts_at"], told["ends_at"]
        booking, resource = self.instance, cleaned["resource"]
        is_new = booking._state.adding
        if not is_new and (booking.resource, booking.starts_at, booking.ends_at) == (
            resource, starts_at, ends_at,
        ):  # fmt: skip
            return
        found = booked_in_exchange(resource.pk, starts_at, ends_at)
        known = set(self.data.get(self.add_prefix("despite"), "").split(","))
        if {str(one.pk) for one in found} <= known:
            return
        self.over_exchange = found
        first = found[0]
        self.add_error(
            None,
            _(
                "Exchange has “%(title)s” in %(resource)s %(when)s. Choose another time, or tick "
                "“Book all the same” and save again."
            )
            % {"title": first.title, "resource": resource, "when": in_words(first.span)},
        )

    def _write(self, cleaned: dict[str, Any]) -> None:
        details = {name: cleaned[name] for name in services.DETAILS}
        try:
            if self.instance._state.adding:
                self.saved = services.book(
                    resource=cleaned["resource"], span=self._span(cleaned), by=self.user, **details
                )
            else:
                self.saved = services.change(
                    booking=self.instance,
                    revision=cleaned.get("read_revision") or 0,
                    resource=cleaned["resource"],
                    span=self._span(cleaned),
                    by=self.user,
                    **details,
                )
        except StaleBooking as stale:
            self.stale = stale.current
            # Saving again is then a choice made with both versions in view.
            self.data = {
                **{name: self.data.get(name) for name in self.data},
                self.add_prefix("read_revision"): str(stale.current.revision),
            }
            self.add_error(None, str(stale))
        except BookingError as refused:
            self.add_error(None, str(refused))

    def _span(self, cleaned: dict[str, Any]) -> Span:
        zone = cleaned["resource"].time_zone
        first: dt.date = cleaned["starts_on"]
        last: dt.date = cleaned.get("ends_on") or first
        if cleaned["all_day"]:
            return Span.days(first, last, zone)
        return Span(first, cleaned["starts_time"], last, cleaned["ends_time"], zone)

    def _post_clean(self) -> None:
        """Nothing of the form goes onto the instance: the service has written what is stored."""

    def both_versions(self) -> list[tuple[str, str, str]]:
        """Label, as typed here, as stored by somebody else: the fields in which they differ."""
        if self.stale is None:
            return []
        stored = BookingForm(instance=self.stale)
        rows = []
        for name in WRITTEN:
            field = self.fields[name]
            mine, theirs = self.cleaned_data.get(name), stored.initial.get(name)
            if name == "resource":
                theirs = self.stale.resource
            if name == "all_day" and not mine and not theirs:
                continue
            if (mine or None) != (theirs or None) or (mine == MIDNIGHT) != (theirs == MIDNIGHT):
                rows.append((str(field.label), _said(mine), _said(theirs)))
        return rows


def _said(value: object) -> str:
    match value:
        case True:
            return str(_("yes"))
        case None | "" | False:
            return "–"
        case dt.time():
            return value.strftime("%H:%M")
        case _:
            return str(value)


class CancelForm(forms.Form):
    """Why a booking is cancelled; the revision says which version was looked at."""

    revision = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=255,
        help_text=_("Shown with the booking and in its history."),
        widget=forms.TextInput(attrs={**CLASSES, "autofocus": True}),
    )
