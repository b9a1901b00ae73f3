"""The forms of Install, Change and Uninstall. Passwords go in, and never come out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.exchange import address, certificates
from apps.exchange.models import ExchangeConnection
from apps.exchange.services import Details, InstallRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.forms import BoundField

ADVANCED = ("ca_pem", "name")
CA_MAX_CHARACTERS = 100_000
SERVER_ACCESS = [
    (access.value, access.label)
    for access in ExchangeConnection.ACCESS_OF[ExchangeConnection.Kind.EXCHANGE_SERVER]
]
WHY_UNUSABLE = {
    "scheme": gettext_lazy("An address of Exchange begins with https://, or is a host name alone."),
    "password": gettext_lazy("Leave the password out of the address. It has a field of its own."),
    "host": gettext_lazy(
        "This is no host name. Type one such as mail.example.com, or leave it empty and the server "
        "is found from the emails below."
    ),
}


class ServerForm(forms.Form):
    """How an Exchange Server is reached, and as whom."""

    server = forms.CharField(
        label=gettext_lazy("Server address"),
        required=False,
        max_length=500,
        help_text=gettext_lazy(
            "The host name is enough, such as mail.example.com; the full address of Exchange.asmx "
            "works as well. Empty: the server is found from the emails below (autodiscover)."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    email = forms.EmailField(
        label=gettext_lazy("Account email"),
        help_text=gettext_lazy("The service account as which OptixSync signs in to Exchange."),
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    username = forms.CharField(
        label=gettext_lazy("User name"),
        required=False,
        max_length=320,
        help_text=gettext_lazy(
            "Only if it is not the email: DOMAIN\\name, or name@domain as Windows knows it."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=256,
        strip=False,
        help_text=gettext_lazy("It is stored encrypted, and shown to nobody."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    access = forms.ChoiceField(
        label=gettext_lazy("Access"),
        choices=SERVER_ACCESS,
        initial=ExchangeConnection.Access.IMPERSONATION,
        widget=forms.RadioSelect,
    )
    try_email = forms.EmailField(
        label=gettext_lazy("Mailbox to try"),
        help_text=gettext_lazy(
            "The email of one room. The check opens its calendar to see that the rights are there; "
            "it changes nothing."
        ),
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    ca_pem = forms.CharField(
        label=gettext_lazy("Certificate authority"),
        required=False,
        max_length=CA_MAX_CHARACTERS,
        help_text=gettext_lazy(
            "Only if the server’s certificate comes from an authority of your own: its "
            "certificates, as PEM. They are trusted for this connection alone. There is no way to "
            "leave the look at the certificate out."
        ),
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "autocomplete": "off"}),
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

    def __init__(
        self, *args: Any, connection: ExchangeConnection | None = None, **kwargs: Any
    ) -> None:
        """`connection`: what is there already; its password stays unless one is typed."""
        if connection is not None:
            kwargs["initial"] = {
                name: getattr(connection, name) for name in self.base_fields if name != "password"
            }
        super().__init__(*args, **kwargs)
        if connection is not None and connection.has_password:
            self.fields["password"].required = False
            self.fields["password"].help_text = _(
                "Unchanged if empty. It is stored encrypted, and shown to nobody."
            )

    def clean_server(self) -> str:
        typed: str = self.cleaned_data["server"].strip()
        if typed:
            try:
                address.ews_url(typed)
            except address.AddressUnusable as exc:
                raise forms.ValidationError(str(WHY_UNUSABLE[exc.why])) from exc
        return typed

    def clean_ca_pem(self) -> str:
        try:
            return certificates.authorities(self.cleaned_data["ca_pem"])
        except certificates.CertificatesUnusable as exc:
            raise forms.ValidationError(str(exc)) from exc

    def details(self) -> Details:
        return Details(**self.cleaned_data)

    def tell(self, refused: InstallRefused) -> None:
        """Show a refusal of the service where it belongs."""
        self.add_error(refused.about or None, str(refused))

    @property
    def plain(self) -> Iterable[BoundField]:
        """The fields that everybody needs, in their order."""
        return [field for field in self if field.name not in (*ADVANCED, "access")]

    @property
    def advanced(self) -> Iterable[BoundField]:
        return [self[name] for name in ADVANCED]

    @property
    def opens_advanced(self) -> bool:
        """Whether what few people need is in use, or in error."""
        return bool(self["ca_pem"].value()) or any(self[name].errors for name in ADVANCED)


class UninstallForm(forms.Form):
    """What becomes of the events on both sides. Nothing is chosen beforehand."""

    ours = forms.ChoiceField(
        label=gettext_lazy("Our future events in Exchange"),
        choices=(
            ("keep", gettext_lazy("Keep them: the mailboxes go on showing them as busy")),
            ("remove", gettext_lazy("Remove them from the mailboxes")),
        ),
        widget=forms.RadioSelect,
    )
    theirs = forms.ChoiceField(
        label=gettext_lazy("Exchange’s future bookings here"),
        choices=(
            ("keep", gettext_lazy("Keep them: the resources stay booked")),
            ("remove", gettext_lazy("Cancel them here; in Exchange they stay")),
        ),
        widget=forms.RadioSelect,
    )

    @property
    def keeps_ours_there(self) -> bool:
        return bool(self.cleaned_data["ours"] == "keep")

    @property
    def keeps_theirs_here(self) -> bool:
        return bool(self.cleaned_data["theirs"] == "keep")
