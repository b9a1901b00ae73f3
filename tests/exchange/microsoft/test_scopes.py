"""What is asked of Microsoft: one API a token, and never more than was granted."""

from __future__ import annotations

import pytest

from apps.exchange.microsoft import scopes

GRAPH_URL = "https://graph.microsoft.com"
EWS_URL = "https://outlook.office365.com/EWS/Exchange.asmx"


def test_organisation_wide_sign_in_asks_only_who_somebody_is() -> None:
    asked = scopes.for_sign_in(is_organisation=True, wire="graph")

    assert set(asked) == {"openid", "profile", "User.Read"}


@pytest.mark.parametrize(
    ("wire", "scope"),
    [
        ("graph", "Calendars.ReadWrite.Shared"),
        ("ews", "https://outlook.office365.com/EWS.AccessAsUser.All"),
    ],
)
def test_sign_in_for_one_account_asks_for_calendars_and_a_refresh_token(
    wire: str, scope: str
) -> None:
    asked = scopes.for_sign_in(is_organisation=False, wire=wire, ews_url=EWS_URL)

    assert {"User.Read", "offline_access", scope} <= set(asked)


@pytest.mark.parametrize(
    ("is_organisation", "wire", "names"),
    [
        (True, "graph", {"User.Read"}),
        (False, "graph", {"User.Read", "Calendars.ReadWrite.Shared"}),
        (False, "ews", {"User.Read"}),
    ],
)
def test_code_is_redeemed_for_graphs_part_by_its_whole_names(
    is_organisation: bool, wire: str, names: set[str]
) -> None:
    asked = scopes.for_sign_in(is_organisation=is_organisation, wire=wire, ews_url=EWS_URL)

    told = set(scopes.for_code(asked, GRAPH_URL).split())

    openid = {"openid", "profile"} | (set() if is_organisation else {"offline_access"})
    assert told == openid | {f"{GRAPH_URL}/{name}" for name in names}


def test_refresh_asks_for_one_api_alone() -> None:
    graph = scopes.for_refresh("graph", GRAPH_URL)
    ews = scopes.for_refresh("ews", EWS_URL)

    assert "https://graph.microsoft.com/Calendars.ReadWrite.Shared" in graph.split()
    assert "offline_access" in graph.split()
    assert "office365" not in graph
    assert ews == "https://outlook.office365.com/EWS.AccessAsUser.All offline_access"


def test_refresh_asks_for_what_was_granted_and_no_more() -> None:
    granted = (
        "openid profile https://graph.microsoft.com/Calendars.ReadWrite.Shared Place.Read.All "
        "https://outlook.office365.com/EWS.AccessAsUser.All"
    )

    assert scopes.for_refresh("graph", GRAPH_URL, granted) == (
        "https://graph.microsoft.com/Calendars.ReadWrite.Shared "
        "https://graph.microsoft.com/Place.Read.All offline_access"
    )


def test_grant_without_calendars_asks_for_what_is_needed() -> None:
    asked = scopes.for_refresh("graph", GRAPH_URL, "User.Read Mail.Read")

    assert "Mail.Read" not in asked
    assert asked == scopes.for_refresh("graph", GRAPH_URL)


def test_grant_that_names_the_profile_alone_asks_for_the_calendars_too() -> None:
    asked = scopes.for_refresh("graph", GRAPH_URL, "openid User.Read offline_access")

    assert "Calendars.ReadWrite.Shared" in asked


@pytest.mark.parametrize(
    ("url", "scope"),
    [
        (GRAPH_URL, "https://graph.microsoft.com/.default"),
        ("https://graph.microsoft.us", "https://graph.microsoft.us/.default"),
        ("http://127.0.0.1:8025/graph", "https://graph.microsoft.com/.default"),
        ("https://evil.example", "https://graph.microsoft.com/.default"),
    ],
)
def test_api_is_named_as_its_cloud_names_it(url: str, scope: str) -> None:
    assert scopes.for_application("graph", url) == scope
