"""A token endpoint on loopback: rolling refresh tokens, numbered, and whatever else a test scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.exchange.http import Answer, Asked, Server

CLIENT_ID = "11111111-2222-4333-8444-555555555555"
CLIENT_SECRET = "Blue~Whale&42=%"
ORGANISATION = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"


@dataclass
class TokenEndpoint:
    """Gives access-1 with refresh-1, then access-2 with refresh-2, and so on."""

    server: Server
    forms: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    # What the next answers are, before it is itself again.
    script: list[Answer] = field(default_factory=list)
    # What happens before an answer is given.
    during: Callable[[], object] = lambda: None
    changed: dict[str, Any] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Answer:
        self.paths.append(asked.path)
        self.forms.append(dict(parse_qsl(asked.body.decode())))
        number = len(self.forms)
        self.during()
        if self.script:
            return self.script.pop(0)
        told: dict[str, Any] = {
            "token_type": "Bearer", "expires_in": 3600, "access_token": f"access-{number}",
            "scope": self.forms[-1]["scope"],
        }  # fmt: skip
        if self.forms[-1]["grant_type"] == "refresh_token":
            told["refresh_token"] = f"refresh-{number}"
        told |= self.changed
        return Answer(
            json.dumps({name: value for name, value in told.items() if value is not None})
        )

    def refuses(self, error: str, number: int, *, status: int = 400) -> None:
        self.script.append(refusal(error, number, status=status))


def refusal(error: str, number: int, *, status: int = 400) -> Answer:
    """As Microsoft answers, with an email and a token in its words, which must not go further."""
    told = {
        "error": error,
        "error_description": f"AADSTS{number}: frontdesk@lantern.example sent {'Zq' * 30}.",
        "error_codes": [number],
        "trace_id": "1f2e3d4c-0000-4000-8000-5a6b7c8d9e0f",
    }
    return Answer(json.dumps(told), status)
