"""How people sign in: allauth's pages, with sign-up closed; and allauth's Microsoft, for Install alone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialToken
from allauth.socialaccount.providers.microsoft.views import MicrosoftGraphOAuth2Adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy

from apps.console import microsoft_answers
from apps.exchange.microsoft import asking, token_call

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        """The secret and the code go by the same policy as all that leaves us."""
        return token_call.session_for_allauth()

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


class Client(OAuth2Client):
    """allauth's, whose token call says what the token is to be for.

    A sign-in may have asked for the scopes of two APIs, and a token is for one; without a word of it
    Microsoft gives none: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
    """

    scope = ""

    def get_access_token(
        self, code: str, pkce_code_verifier: str | None = None, extra_data: Any = None
    ) -> Any:
        named = {**(extra_data or {}), "scope": self.scope}
        return super().get_access_token(code, pkce_code_verifier, named)


class Microsoft(MicrosoftGraphOAuth2Adapter):
    """allauth's, with a scope for each token; and for answers of a proxy, or half of Microsoft's."""

    client_class = Client

    def get_access_token_data(
        self, request: HttpRequest, app: SocialApp, client: Client, **kwargs: Any
    ) -> Any:
        """The answer of the token call.

        Raises:
            OAuth2Error: nobody waits for it here; or it cannot be read, or has no token.
        """
        client.scope = microsoft_answers.code_scope(request)
        if not client.scope:
            raise OAuth2Error("No sign-in of ours")
        with _readable():
            told = super().get_access_token_data(request, app, client, **kwargs)
            if isinstance(told["access_token"], str) and told["access_token"]:
                return told
        raise OAuth2Error("No access token")

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        another = data.get("refresh_token")
        return SocialToken(
            token=data["access_token"],
            token_secret=another if isinstance(another, str) else "",
            expires_at=timezone.now() + token_call.lasts(data.get("expires_in")),
        )

    def complete_login(self, *args: Any, **kwargs: Any) -> SocialLogin:
        """Who signed in.

        Raises:
            OAuth2Error: that cannot be read.
        """
        with _readable():
            login = super().complete_login(*args, **kwargs)
        if not asking.is_account_id(login.account.uid):
            raise OAuth2Error("No id of an account")
        return login


@contextmanager
def _readable() -> Iterator[None]:
    """What allauth stumbles over is an answer that cannot be read."""
    try:
        yield
    # The last is its word for an id that is longer than any of Microsoft's.
    except (
        AttributeError, KeyError, RecursionError, TypeError, ValueError, ImproperlyConfigured,
    ) as error:  # fmt: skip
        raise OAuth2Error(f"An answer that cannot be read: {type(error).__name__}") from None


_callback = OAuth2CallbackView.adapter_view(Microsoft)


def microsoft_callback(request: HttpRequest) -> HttpResponseBase:
    """Where Microsoft sends people back to after the sign-in."""
    if not settings.MICROSOFT_CLIENT_ID:
        raise Http404(gettext_lazy("Microsoft 365 is not set up here."))
    answer: HttpResponseBase = _callback(request)
    return answer
