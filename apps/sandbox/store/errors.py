"""What the store refuses, named after Exchange's response codes."""

from __future__ import annotations


class StoreError(Exception):
    """A refusal. `code` is Exchange's response code, `message` its text for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
