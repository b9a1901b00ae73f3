"""A browser in small: keeps cookies, presses buttons of the sandbox's pages, and stops where it leaves the sandbox."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from lxml import html

from apps.sandbox.server import SandboxServer
from tests.sandbox.microsoft import BACK, CLIENT, SECRET, TENANT

VERIFIER = "v" * 64
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
)
SCOPE = "openid profile offline_access User.Read Calendars.ReadWrite.Shared"
Json = dict[str, Any]


class Browser:
    """One person's browser. `url` and `text` are of the page that it shows; `told` is what the application got."""

    def __init__(self, server: SandboxServer) -> None:
        self.server = server
        self.session = requests.Session()
        self.url, self.text, self.status = "", "", 0
        self.told: dict[str, str] = {}

    def authorize(self, tenant: str = "organizations", **changed: str) -> Browser:
        """Let the application send the browser to sign in; a parameter that is changed to "" is left out."""
        given = {
            "client_id": CLIENT,
            "response_type": "code",
            "redirect_uri": BACK,
            "scope": SCOPE,
            "state": "the state",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changed,
        }
        path = f"/{tenant}/oauth2/v2.0/authorize"
        return self._go("GET", path, {key: one for key, one in given.items() if one})

    def adminconsent(self, tenant: str = TENANT, version: str = "v2.0/", **changed: str) -> Browser:
        """Let the application send the browser to an admin's consent."""
        given = {
            "client_id": CLIENT,
            "redirect_uri": BACK,
            "scope": "https://graph.microsoft.com/.default",
            "state": "the state",
            **changed,
        }
        path = f"/{tenant}/{version}adminconsent"
        return self._go("GET", path, {key: one for key, one in given.items() if one})

    def press(self, **pressed: str) -> Browser:
        """Post the form that has this button, with its hidden fields; names and values as in the page."""
        (form,) = [
            one
            for one in html.fromstring(self.text).iter("form")
            if all(one.xpath(f'.//*[@name="{name}"]') for name in pressed)
        ][:1]
        hidden = {
            one.get("name"): one.get("value") for one in form.xpath('.//input[@type="hidden"]')
        }
        return self._take(
            self.session.post(
                self.url, data=hidden | pressed, allow_redirects=False, timeout=10,
                headers={"Origin": self.server.url},
            )
        )  # fmt: skip

    def code(self, account: str, tenant: str = "organizations", **changed: str) -> str:
        """Sign in with an account, accept what is asked, and answer the code."""
        self.authorize(tenant, **changed)
        if not self.told:
            self.press(account=account)
        if not self.told:
            self.press(answer="accept")
        return self.told["code"]

    def _go(self, method: str, path: str, given: dict[str, str]) -> Browser:
        return self._take(
            self.session.request(
                method,
                f"{self.server.login_url}{path}",
                params=given,
                allow_redirects=False,
                timeout=10,
            )
        )

    def _take(self, answer: requests.Response) -> Browser:
        self.url, self.text, self.status = answer.url, answer.text, answer.status_code
        self.told = {}
        if answer.status_code == 302:
            where = urlsplit(answer.headers["Location"])
            assert answer.headers["Location"].startswith(BACK)
            self.told = dict(parse_qsl(where.query))
        return self


def token(server: SandboxServer, tenant: str = "organizations", **form: str) -> requests.Response:
    """Send a token call as the application does; a field that is given as "" is left out."""
    whole = {"client_id": CLIENT, "client_secret": SECRET, **form}
    return requests.post(
        f"{server.login_url}/{tenant}/oauth2/v2.0/token",
        data={key: one for key, one in whole.items() if one},
        timeout=10,
    )


def redeem(server: SandboxServer, code: str, **changed: str) -> requests.Response:
    """Redeem a code."""
    form = {"code": code, "redirect_uri": BACK, "code_verifier": VERIFIER, **changed}
    return token(server, grant_type="authorization_code", **form)


def refresh(server: SandboxServer, refresh_token: str, **changed: str) -> requests.Response:
    """Redeem a refresh token."""
    form = {"refresh_token": refresh_token, "scope": "User.Read", **changed}
    return token(server, grant_type="refresh_token", **form)


def itself(server: SandboxServer, tenant: str = TENANT, **changed: str) -> requests.Response:
    """Ask for a token of the application itself."""
    form = {"scope": "https://graph.microsoft.com/.default", **changed}
    return token(server, tenant, grant_type="client_credentials", **form)


def refusal(answer: requests.Response) -> tuple[int, str, int]:
    """Read a refusal: HTTP's status, OAuth's error, Microsoft's code."""
    body = answer.json()
    assert body["error_description"].startswith(f"AADSTS{body['error_codes'][0]}: ")
    return answer.status_code, body["error"], body["error_codes"][0]
