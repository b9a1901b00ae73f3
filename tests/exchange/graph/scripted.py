"""A Graph on loopback that answers what a test tells it, in order."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from apps.exchange.graph.calendar import GraphCalendar
from apps.exchange.graph.client import Client
from apps.exchange.graph.session import ORGANISATION, GraphSettings
from tests.exchange.http import Answer, Asked, Server

ROOM = "room@example.com"
SECRET = "Quarterly figures of Mr. Smith"


@dataclass
class Tokens:
    """One token after another; how often the last one was refused is counted."""

    given: list[str] = field(default_factory=lambda: ["token-1", "token-2"])
    refused: list[str] = field(default_factory=list)

    def get(self, refused: str = "") -> str:
        if refused:
            self.refused.append(refused)
            if refused == self.given[0] and len(self.given) > 1:
                self.given.pop(0)
        return self.given[0]


@dataclass
class Graph:
    server: Server
    tokens: Tokens = field(default_factory=Tokens)
    _answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.answer = self._answer

    def says(self, *answers: object, status: int = 200, **headers: str) -> None:
        """The next answers: JSON objects, or Answers as they are."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._answers += [
            one if isinstance(one, Answer) else Answer(json.dumps(one), status, named)
            for one in answers
        ]

    def refuses(self, status: int, code: str = "", **headers: str) -> None:
        error = {"code": code, "message": f"Something about {SECRET}."}
        self.says({"error": error}, status=status, **headers)

    def settings(self, access: str = ORGANISATION) -> GraphSettings:
        return GraphSettings(f"{self.server.url}/graph", self.tokens, access, key="scripted")

    def client(self, email: str = ROOM, access: str = ORGANISATION) -> Client:
        return Client(self.settings(access), email)

    def calendar(self, access: str = ORGANISATION) -> GraphCalendar:
        return GraphCalendar(self.client(access=access))

    def link(self, tail: str) -> str:
        return f"{self.server.url}/graph/v1.0{tail}"

    @property
    def asked(self) -> list[Asked]:
        return self.server.asked

    @property
    def paths(self) -> list[str]:
        """Method and path of each request, without what stands before the mailbox."""
        return [
            f"{one.method} {unquote(urlsplit(one.path).path).removeprefix('/graph/v1.0')}"
            for one in self.asked
        ]

    def query(self, number: int = -1) -> dict[str, str]:
        return {
            name: values[0]
            for name, values in parse_qs(urlsplit(self.asked[number].path).query).items()
        }

    def body(self, number: int = -1) -> Any:
        return json.loads(self.asked[number].body)

    def _answer(self, _asked: Asked) -> Answer:
        return self._answers.pop(0) if self._answers else Answer("{}", 500)
