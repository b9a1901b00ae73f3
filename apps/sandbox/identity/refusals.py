"""What the identity platform refuses, by AADSTS code: to programs as JSON, to people in words, to applications in a redirect.

Source: entra-docs `docs/identity-platform/reference-error-codes.md`. Texts are shortened; who branches on them would break
at Microsoft too.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt

UNAUTHORIZED = 401
_CHALLENGED = frozenset({50076, 50078, 50079, 50158, 53000, 53001, 53002, 53003})

_GRANT, _CLIENT, _REQUEST, _SCOPE = (
    "invalid_grant",
    "invalid_client",
    "invalid_request",
    "invalid_scope",
)
_APP, _AGAIN, _DENIED = "unauthorized_client", "interaction_required", "access_denied"
# Code: (error, suberror, text).
KNOWN: dict[int, tuple[str, str, str]] = {
    28000: (_SCOPE, "", "Provided value for the input parameter scope is not valid because it contains more than one resource."),
    28002: (_SCOPE, "", "Provided value for the input parameter scope is not valid when requesting an access token."),
    28003: (_SCOPE, "", "Provided value for the input parameter scope can't be empty when requesting an access token using the provided authorization code."),
    50011: (_REQUEST, "", "The redirect URI specified in the request does not match the redirect URIs configured for the application."),
    50020: (_DENIED, "", "User account from identity provider does not exist in this tenant and cannot access the application in that tenant. Use a work or school account of it."),
    50034: (_GRANT, "", "The user account does not exist in the directory. To sign into this application, the account must be added to the directory."),
    50053: (_GRANT, "", "The account is locked, you've tried to sign in too many times with an incorrect user ID or password."),
    50055: (_GRANT, "user_password_expired", "The password is expired."),
    50057: (_GRANT, "", "The user account is disabled."),
    50058: ("login_required", "", "A silent sign-in request was sent but no user is signed in."),
    50059: (_REQUEST, "", "No tenant-identifying information found in either the request or implied by any provided credentials."),
    50076: (_AGAIN, "basic_action", "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource."),
    50078: (_AGAIN, "basic_action", "Presented multi-factor authentication has expired due to policies configured by your administrator, you must refresh your multi-factor authentication to access the resource."),
    50079: (_AGAIN, "basic_action", "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access the resource."),
    50105: (_AGAIN, "message_only", "Your administrator has configured the application to block users unless they are specifically granted ('assigned') access to the application."),
    50126: (_GRANT, "", "Error validating credentials due to invalid username or password."),
    50158: (_AGAIN, "additional_action", "External security challenge not satisfied. User will be redirected to another page or authentication provider to satisfy additional authentication challenges."),
    50173: (_GRANT, "bad_token", "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password."),
    50194: (_REQUEST, "", "The application is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps. Use a tenant-specific endpoint or configure the application to be multi-tenant."),
    50196: (_GRANT, "", "The server terminated an operation because it encountered a client request loop."),
    53000: (_AGAIN, "message_only", "Device is not in required device state. Conditional Access policy requires a compliant device, and the device is not compliant."),
    53001: (_AGAIN, "message_only", "Device is not in required device state. Conditional Access policy requires a domain joined device, and the device is not domain joined."),
    53002: (_AGAIN, "message_only", "The app used is not an approved app for Conditional Access."),
    53003: (_AGAIN, "message_only", "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."),
    54005: (_GRANT, "bad_token", "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."),
    65001: (_GRANT, "consent_required", "The user or administrator has not consented to use the application. Send an interactive authorization request for this user and resource."),
    65004: (_DENIED, "", "User declined to consent to access the app."),
    65005: (_APP, "", "The application requested access to a resource which is not listed in the requested permissions of its registration."),
    70000: (_GRANT, "", "The request was denied because one or more scopes requested are unauthorized or expired, or the grant was issued to another client, tenant or redirect URI."),
    70003: ("unsupported_grant_type", "", "The app requested an unsupported grant type."),
    70007: (_REQUEST, "", "'response_mode' has an unsupported value when requesting a token."),
    70008: (_GRANT, "token_expired", "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource."),
    70011: (_SCOPE, "", "The provided value for the input parameter 'scope' is not valid."),
    70043: (_GRANT, "token_expired", "The refresh token has expired or is invalid due to sign-in frequency checks by Conditional Access."),
    90002: (_REQUEST, "", "Tenant not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."),
    90023: (_REQUEST, "", "Unsupported 'prompt' value."),
    90033: ("temporarily_unavailable", "", "A transient error has occurred. Please try again."),
    90055: ("temporarily_unavailable", "", "There are too many incoming requests."),
    90072: (_DENIED, "", "User account from identity provider does not exist in the tenant and cannot access the application in that tenant. The account needs to be added as an external user in the tenant first."),
    90093: (_DENIED, "", "This operation can only be performed by an administrator. Sign out and sign in as an administrator or contact one of your organization's administrators."),
    90094: (_DENIED, "", "An administrator of the organization has set a policy that prevents you from granting the application the permissions it is requesting. Contact an admin who can grant permissions to this app on your behalf."),
    90095: ("consent_required", "", "Admin consent is required. A request for it was sent to the administrators of the organization."),
    500011: ("invalid_resource", "", "The resource principal was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."),
    500014: ("invalid_resource", "", "The service principal for the resource is disabled. This indicates that a subscription within the tenant has lapsed, or that the administrator for this tenant has disabled the application."),
    501481: (_GRANT, "", "The Code_Verifier does not match the code_challenge supplied in the authorization request."),
    530032: (_AGAIN, "message_only", "Blocked by security policy. The tenant admin has configured a security policy that blocks this request."),
    530034: (_AGAIN, "message_only", "A delegated administrator was blocked from accessing the tenant due to account risk in their home tenant."),
    530035: (_AGAIN, "message_only", "Access has been blocked by security defaults. This is due to the request using legacy auth or being deemed unsafe by security defaults policies."),
    650052: (_APP, "", "The app needs access to a service that your organization has not subscribed to or enabled. Contact your IT Admin to review the configuration of your service subscriptions."),
    650053: (_SCOPE, "", "The application asked for a scope that doesn't exist on the resource."),
    650056: (_APP, "", "Misconfigured application. This could be because the client has not listed any permissions in the requested permissions in the client's application registration, or the admin has not consented in the tenant."),
    650057: ("invalid_resource", "", "Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration."),
    700016: (_APP, "", "Application was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."),
    700022: (_SCOPE, "", "The provided value for the input parameter scope is not valid because it contains more than one resource."),
    700054: ("unsupported_response_type", "", "response_type is not enabled for the application."),
    700082: (_GRANT, "token_expired", "The refresh token has expired due to inactivity. It was inactive for 90.00:00:00."),
    700084: (_GRANT, "token_expired", "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which can't be extended."),
    900023: (_REQUEST, "", "Specified tenant identifier is neither a valid DNS name, nor a valid external domain."),
    900144: (_REQUEST, "", "The request body must contain a parameter that is missing."),
    7000112: (_APP, "", "The application is disabled."),
    7000215: (_CLIENT, "", "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to the app."),
    7000218: (_CLIENT, "", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."),
    7000222: (_CLIENT, "", "The provided client secret keys for the app are expired. Create new keys for your app."),
    9002313: (_REQUEST, "", "Invalid request. Request is malformed or invalid."),
}  # fmt: skip
# What is refused to a person may be told to the application in other words.
IN_A_REDIRECT: dict[int, str] = {65001: _AGAIN, 50034: _DENIED, 50053: _DENIED, 50055: _DENIED, 50057: _DENIED, 50126: _DENIED}  # fmt: skip


@dataclass
class Refusal(Exception):
    """A refusal by its code. `about` is put before its text; `error` takes the place of what usually goes with the code."""

    code: int
    about: str = ""
    error: str = ""

    @property
    def kind(self) -> str:
        """OAuth's name for it."""
        return self.error or KNOWN.get(self.code, ("server_error",))[0]

    @property
    def name(self) -> str:
        """The code as people write it."""
        return f"AADSTS{self.code}"

    @property
    def suberror(self) -> str:
        """Microsoft's finer name for it, or nothing."""
        return KNOWN.get(self.code, ("", ""))[1]

    @property
    def text(self) -> str:
        """What it says, without code and traces."""
        text = KNOWN.get(self.code, ("", "", "The request was refused."))[2]
        return f"{text} {self.about}".strip()

    @property
    def status(self) -> int:
        """HTTP's status for it."""
        return UNAUTHORIZED if self.kind == _CLIENT else 400

    def description(self, now: dt.datetime, trace: str, correlation: str) -> str:
        """Write it as Microsoft does, traces and all."""
        return (
            f"AADSTS{self.code}: {self.text} Trace ID: {trace} Correlation ID: {correlation} "
            f"Timestamp: {stamp(now)}"
        )

    def body(self, now: dt.datetime, correlation: str = "") -> dict[str, Any]:
        """Write it for a program."""
        trace, correlation = str(uuid.uuid4()), correlation or str(uuid.uuid4())
        made: dict[str, Any] = {
            "error": self.kind,
            "error_description": self.description(now, trace, correlation),
            "error_codes": [self.code],
            "timestamp": stamp(now),
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }
        if self.suberror:
            made["suberror"] = self.suberror
        if self.code in _CHALLENGED:
            policy = {"capolids": {"essential": True, "values": [str(uuid.uuid4())]}}
            made["claims"] = json.dumps({"access_token": policy})
        return made

    def arguments(self, now: dt.datetime) -> dict[str, str]:
        """Write it for the address to which the browser is sent."""
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        return {
            "error": self.error or IN_A_REDIRECT.get(self.code) or self.kind,
            "error_description": self.description(now, trace, correlation),
        }


def stamp(now: dt.datetime) -> str:
    """Write a time as Microsoft's errors do."""
    return f"{now:%Y-%m-%d %H:%M:%S}Z"
