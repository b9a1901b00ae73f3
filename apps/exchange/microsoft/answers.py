"""What Microsoft answers in place of a grant, as plain data: its error and codes, none of its words.

The words go to the log alone, redacted.
"""

from __future__ import annotations

import ast
import json
import logging
import re
from typing import TYPE_CHECKING, Any

from apps.exchange.microsoft.refusals import numbers, redact

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

# What an error is called; anything else is text, and may be anybody's.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MOST_CODES = 5
_BODY = re.compile(r"b'.*'|b\".*\"", re.DOTALL)


def of_query(query: Mapping[str, str]) -> dict[str, Any]:
    """What an address that people are sent back to says: `error`, `error_description`.

    https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#error-response
    """
    return _refusal(query.get("error", ""), query.get("error_description", ""))


def of_token_call(told: str) -> dict[str, Any]:
    """What allauth makes of a refused token call: a sentence with the answer's bytes as Python shows them.

    https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#error-response-1
    """
    body = _body(told)
    if not body.get("error"):
        # Nothing was refused: a proxy answered, or Microsoft has a trouble of its own.
        logger.warning("Microsoft's sign-in: %s", redact(told))
        return {"error": "server_error", "codes": [], "suberror": ""}
    codes = body.get("error_codes")
    return _refusal(
        str(body.get("error", "")),
        str(body.get("error_description", "")),
        str(body.get("suberror", "")),
        codes if isinstance(codes, list) else [],
    )


def _refusal(
    error: str, description: str, suberror: str = "", codes: list[Any] | None = None
) -> dict[str, Any]:
    logger.warning("Microsoft refuses: %s: %s", redact(error), redact(description))
    return plain(error, description, suberror, codes or [])


def plain(error: str, description: str, suberror: str, codes: list[Any]) -> dict[str, Any]:
    """A refusal without Microsoft's words: `{"error", "suberror", "codes", "is_personal"}`."""
    return {
        "error": error if _NAME.fullmatch(error) else "unknown",
        "suberror": suberror if _NAME.fullmatch(suberror) else "",
        "codes": [*dict.fromkeys(numbers(codes, description))][:_MOST_CODES],
        # A stranger whose identity provider is live.com has a personal account.
        "is_personal": "live.com" in description.lower(),
    }


def _body(told: str) -> dict[str, Any]:
    found = _BODY.search(told)
    if found is None:
        return {}
    try:
        body = json.loads(ast.literal_eval(found.group(0)))
    except (RecursionError, SyntaxError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}
