"""How people sign in: allauth's pages, with sign-up closed; and allauth's Microsoft, for Install alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.microsoft.views import oauth2_callback
from django.conf import settings
from django.http import Http404, HttpResponseBase
from django.utils.translation import gettext_lazy

from apps.console import microsoft_answers

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialLogin
    from allauth.socialaccount.providers.base import Provider
    from django.http import HttpRequest

MICROSOFT = "microsoft"


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by accepting an invitation, never by signing up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """A sign-in with Microsoft belongs to an Install, or is refused: nobody signs in or up by it.

    Both hooks end the flow, so no User, SocialAccount or SocialToken is ever made.
    """

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """The one registration, as the settings have it; allauth's own table counts for nothing."""
        if not settings.MICROSOFT_CLIENT_ID or provider not in {None, MICROSOFT}:
            return []
        return [
            SocialApp(
                provider=MICROSOFT,
                name="Microsoft",
                client_id=settings.MICROSOFT_CLIENT_ID,
                secret=settings.MICROSOFT_CLIENT_SECRET,
                settings={
                    "tenant": settings.MICROSOFT_TENANT,
                    "login_url": settings.MICROSOFT_LOGIN_URL,
                    "graph_url": settings.MICROSOFT_GRAPH_URL,
                    "oauth_pkce_enabled": True,
                    "hidden": True,
                },
            )
        ]

    def get_requests_session(self) -> Any:
        """The secret and the code go where the settings say, and follow nobody from there."""
        session = super().get_requests_session()
        session.max_redirects = 0
        session.trust_env = False
        return session

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        raise ImmediateHttpResponse(microsoft_answers.signed_in(request, sociallogin))

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Provider,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        state = (extra_context or {}).get("state") or {}
        raise ImmediateHttpResponse(microsoft_answers.not_signed_in(request, state, exception))


def microsoft_callback(request: HttpRequest) -> HttpResponseBase:
    """Where Microsoft sends people back to after the sign-in."""
    if not settings.MICROSOFT_CLIENT_ID:
        raise Http404(gettext_lazy("Microsoft 365 is not set up here."))
    answer: HttpResponseBase = oauth2_callback(request)
    return answer
