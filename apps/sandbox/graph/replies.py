"""What goes back for one request, whether it came alone or in a batch."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apps.sandbox.faults import Hits
from apps.sandbox.graph import errors

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

JSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"


@dataclass(slots=True)
class Reply:
    """Status, headers and content; `raw` in place of content that is no JSON. `cut`: nothing goes back at all."""

    operation: str = ""
    client_request_id: str = ""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: int = 200
    content: Mapping[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    cut: bool = False
    hits: Hits = field(default_factory=Hits)
    mailbox: str = ""
    account: str = ""

    def refuse(self, error: errors.GraphError, now: dt.datetime) -> None:
        """Turn it into a refusal."""
        self.status = error.status
        self.headers |= error.headers
        self.content = errors.body(
            error,
            date=f"{now:%Y-%m-%dT%H:%M:%S}",
            request_id=self.request_id,
            client_request_id=self.client_request_id or self.request_id,
        )
        self.raw = None
        self.sign()

    def sign(self) -> None:
        """Give it the headers that every answer has."""
        self.headers["request-id"] = self.request_id
        self.headers["client-request-id"] = self.client_request_id or self.request_id
        if self.raw is None and self.content is not None:
            self.headers["Content-Type"] = JSON

    @property
    def codes(self) -> tuple[str, ...]:
        """The error code, for the request log."""
        error = (self.content or {}).get("error")
        return (error["code"],) if isinstance(error, dict) else ()

    def serialised(self) -> bytes:
        """Write the body."""
        if self.raw is not None or self.content is None:
            return self.raw or b""
        return json.dumps(self.content, separators=(",", ":"), ensure_ascii=False).encode()
