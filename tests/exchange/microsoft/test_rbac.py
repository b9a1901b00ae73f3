"""The commands name exactly the connected mailboxes, and no name becomes another command."""

from __future__ import annotations

import re

import pytest

from apps.exchange.microsoft import rbac

APP = "11111111-2222-4333-8444-555555555555"
ROOMS = ["Boiler@lantern.example", "attic@lantern.example", "boiler@lantern.example"]


def literals(line: str) -> list[str]:
    """What PowerShell reads as quoted words; what is left between them must be plain."""
    found = re.findall(r"'((?:[^']|'')*)'", line)
    rest = re.sub(r"'(?:[^']|'')*'", "", line)
    assert re.fullmatch(r"[A-Za-z0-9 .$=-]*", rest), rest
    return [one.replace("''", "'") for one in found]


def lines_of(text: str, command: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(command)]


def test_scope_names_each_mailbox_once_and_no_other() -> None:
    (line,) = lines_of(rbac.limit_to(ROOMS, app_id=APP).text, "New-ManagementScope")

    assert literals(line)[1] == (
        "PrimarySmtpAddress -eq 'attic@lantern.example' -or "
        "PrimarySmtpAddress -eq 'boiler@lantern.example'"
    )


def test_commands_are_the_whole_set_up_in_their_order() -> None:
    text = rbac.limit_to(ROOMS, app_id=APP).text
    commands = [line.split()[0] for line in text.splitlines() if not line.startswith(("#", "$"))]

    assert commands == [
        "Connect-MgGraph", "Connect-ExchangeOnline", "New-ServicePrincipal", "New-ManagementScope",
        "New-ManagementRoleAssignment", "Test-ServicePrincipalAuthorization",
        "Test-ServicePrincipalAuthorization",
    ]  # fmt: skip
    assert f"AppId eq ''{APP}''" in text
    assert "'Application Calendars.ReadWrite'" in text
    assert "revoke Calendars.ReadWrite" in text


def test_other_mailboxes_change_the_scope_alone() -> None:
    text = rbac.change_to(["attic@lantern.example"]).text

    assert lines_of(text, "Set-ManagementScope")
    assert "New-" not in text


def test_no_mailbox_lets_none_in() -> None:
    text = rbac.limit_to([], app_id=APP).text

    assert "nobody@invalid.invalid" in text
    assert not lines_of(text, "Test-")


def test_apostrophe_stays_within_its_word() -> None:
    (line,) = lines_of(rbac.change_to(["o'hara@lantern.example"]).text, "Set-ManagementScope")

    assert literals(line)[1] == "PrimarySmtpAddress -eq 'o''hara@lantern.example'"


@pytest.mark.parametrize(
    "hostile",
    [
        "x' -or Name -like '*@lantern.example",
        "x’ -or Name -like ’*@lantern.example",
        "x@lantern.example'; Remove-Mailbox boiler",
        "$(Remove-Mailbox boiler)@lantern.example",
        "`whoami`@lantern.example",
        "a@lantern.example\nRemove-Mailbox boiler",
        "a|calc@lantern.example",
        "*@lantern.example",
        "x'@lantern.example -or Name -ne 'y",
        "ａ@lantern.example",
        "no address",
    ],
)
def test_hostile_name_is_left_out_and_told(hostile: str) -> None:
    script = rbac.limit_to([hostile, "attic@lantern.example"], app_id=APP)

    assert script.left_out == (hostile.lower(),)
    assert hostile.lower() not in script.text.lower()
    for line in script.text.splitlines():
        if not line.startswith(("#", "$app")):
            literals(line)
    (scope,) = lines_of(script.text, "New-ManagementScope")
    assert literals(scope)[1] == "PrimarySmtpAddress -eq 'attic@lantern.example'"


def test_over_ews_it_is_another_role_in_place_of_another_permission() -> None:
    text = rbac.limit_to(ROOMS, app_id=APP, wire="ews").text

    assert "-Role 'Application EWS.AccessAsApp'" in text
    assert "revoke full_access_as_app of Office 365 Exchange Online." in text
    assert "Calendars.ReadWrite" not in text
