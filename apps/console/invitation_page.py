"""The page behind the link of an invitation: a new account, or one more membership."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.password_validation import (
    password_validators_help_text_html,
    validate_password,
)
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from apps.tenants import services
from apps.tenants.errors import InvitationUnusable
from apps.tenants.models import Invitation, User
from apps.tenants.standing import stand_in

if TYPE_CHECKING:
    from django.http import HttpRequest


class RegisterForm(forms.Form):
    """Name and password of a person who has no account yet."""

    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Choose a password"),
        strip=False,
        help_text=password_validators_help_text_html(),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, User(email=self.email, name=self.data.get("name", "")))
        return password


@never_cache
def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Tell what the invitation is to, and take it up on POST."""
    try:
        invitation = services.find_invitation(token)
        return _private(_answer(request, invitation))
    except InvitationUnusable as refused:
        context = {"title": _("Invitation"), "refusal": str(refused)}
        return _private(render(request, "console/people/invitation.html", context, status=410))


def _answer(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    context: dict[str, Any] = {"title": _("Invitation"), "invitation": invitation}
    if isinstance(request.user, User):
        context["mine"] = request.user.email.lower() == invitation.email.lower()
        if request.method == "POST":
            services.accept_invitation(invitation, request.user)
            return _welcome(request, invitation)
    elif User.objects.filter(email=invitation.email.lower()).exists():
        context["sign_in"] = f"{reverse('account_login')}?next={request.path}"
    else:
        form = RegisterForm(request.POST or None, email=invitation.email)
        if request.method == "POST" and form.is_valid():
            user = services.register(
                invitation=invitation,
                name=form.cleaned_data["name"],
                password=form.cleaned_data["password"],
            )
            login(request, user)
            return _welcome(request, invitation)
        context["form"] = form
    return render(request, "console/people/invitation.html", context)


def _welcome(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    stand_in(request, invitation.tenant)
    messages.success(
        request, _("Welcome. You are a member of %(tenant)s.") % {"tenant": invitation.tenant}
    )
    return HttpResponseRedirect(reverse("admin:index"))


def _private(response: HttpResponse) -> HttpResponse:
    """The address is the secret: no other site hears of it."""
    response["Referrer-Policy"] = "no-referrer"
    return response
