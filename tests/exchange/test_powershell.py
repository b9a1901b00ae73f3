"""An address that somebody typed is one word of a command, and never another command."""

from __future__ import annotations

import pytest

from apps.exchange.powershell import argument, editor, quoted


@pytest.mark.parametrize(
    "text", ["room@example.com", "EXAMPLE\\svc", "big-room+1@x.example:\\Calendar"]
)
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert argument(text) == text


@pytest.mark.parametrize(
    "text",
    ["a|calc@x.example", "a`b@x", "$x@y", "a;b", "@x", "-Force", "a b", "", "a\nb", "o'hara@x"],
)
def test_anything_else_is_a_literal(text: str) -> None:
    assert argument(text) == quoted(text)


@pytest.mark.parametrize("quote", "'‘’‚‛")
def test_every_quote_that_powershell_knows_is_doubled(quote: str) -> None:
    assert quoted(f"a{quote}b") == f"'a{quote}{quote}b'"


def test_mailbox_and_account_of_a_command_are_literals() -> None:
    assert editor("o'hara@x.example", "a b@x.example") == (
        "Add-MailboxFolderPermission -Identity ('o''hara@x.example' + ':\\Calendar') "
        "-User 'a b@x.example' -AccessRights Editor"
    )
