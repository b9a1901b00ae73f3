"""Words as PowerShell takes them: commands of ours are pasted into administrators' windows. Pure."""

from __future__ import annotations

import re

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._+:\\-]*")


def quoted(text: str) -> str:
    """As one literal, whatever is in it."""
    inner = text
    for quote in "'‘’‚‛":
        # PowerShell takes typographic single quotes for plain ones.
        inner = inner.replace(quote, quote * 2)
    return f"'{inner}'"


def argument(text: str) -> str:
    """As it is, where nothing in it means anything to PowerShell; else as a literal."""
    return text if PLAIN.fullmatch(text) else quoted(text)


def editor(mailbox: str, account: str) -> str:
    """What makes an account an editor of a mailbox's calendar.

    https://learn.microsoft.com/powershell/module/exchange/add-mailboxfolderpermission
    """
    return (
        f"Add-MailboxFolderPermission -Identity ({quoted(mailbox)} + ':\\Calendar') "
        f"-User {quoted(account)} -AccessRights Editor"
    )
