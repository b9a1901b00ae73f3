"""The forms of Microsoft 365. No password is ever typed here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from apps.exchange.models import ExchangeConnection

ACCESS = [
    (access.value, access.label)
    for access in ExchangeConnection.ACCESS_OF[ExchangeConnection.Kind.MICROSOFT_365]
]

# As its column has it.
LONGEST_EMAIL = 254


class InstallForm(forms.Form):
    """What is known before Microsoft is asked: how far the access goes, and a mailbox to try it on."""

    access = forms.ChoiceField(
        label=gettext_lazy("Access"),
        choices=ACCESS,
        initial=ExchangeConnection.Access.ORGANISATION,
        widget=forms.RadioSelect,
    )
    # Graph, unless somebody opted for what ends soon.
    wire = forms.ChoiceField(
        choices=ExchangeConnection.Wire.choices,
        initial=ExchangeConnection.Wire.GRAPH,
        required=False,
        widget=forms.HiddenInput,
    )
    try_email = forms.EmailField(
        label=gettext_lazy("Mailbox to try"),
        max_length=LONGEST_EMAIL,
        help_text=gettext_lazy(
            "The email of one of your rooms: its calendar is opened as a proof."
        ),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )

    def clean_wire(self) -> str:
        return str(self.cleaned_data["wire"] or ExchangeConnection.Wire.GRAPH)


class TryForm(forms.Form):
    """The mailbox to try alone."""

    try_email = forms.EmailField(
        label=gettext_lazy("Mailbox to try"),
        max_length=LONGEST_EMAIL,
        help_text=gettext_lazy("The email of a room of this organisation: its calendar is opened."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


class ChangeForm(forms.Form):
    """What can be changed of an installed Microsoft 365 without Microsoft."""

    try_email = forms.EmailField(
        label=gettext_lazy("Mailbox to try"),
        max_length=LONGEST_EMAIL,
        help_text=gettext_lazy("The email of one of your rooms: the check opens its calendar."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        required=False,
        max_length=100,
        help_text=gettext_lazy(
            "What you call this connection, if there is more than one. Empty: a name is made."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, connection: ExchangeConnection, **kwargs: Any) -> None:
        kwargs["initial"] = {"try_email": connection.try_email, "name": connection.name}
        super().__init__(*args, **kwargs)
