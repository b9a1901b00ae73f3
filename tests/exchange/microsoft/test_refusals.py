"""What Microsoft refuses is told in words of ours, and what reaches the log tells nothing secret."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from apps.exchange.microsoft.refusals import Act, explain, redact

JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJncmFwaCJ9.c2lnbmF0dXJl"
REFRESH = "1.AXEAx1-9fq" + "Zk" * 60
TABLE = {
    65001: "agreed", 65004: "cancelled", 65005: "registration", 650056: "registration",
    650057: "registration", 90094: "only an administrator", 90095: "was sent to",
    90093: "only an administrator", 700016: "does not know this application",
    7000215: "client secret", 7000222: "expired", 7000218: "another proof", 70002: "another proof",
    50011: "lead back", 50194: "one organisation alone", 50020: "does not belong",
    50034: "no such account", 50105: "chosen people", 53000: "Conditional Access",
    53001: "Conditional Access", 53002: "Conditional Access", 53003: "Conditional Access",
    530032: "Conditional Access", 530034: "Conditional Access", 530035: "Conditional Access",
    50076: "second factor", 50078: "second factor", 50079: "second factor", 50158: "second factor",
    50053: "locked", 50055: "expired", 50057: "disabled", 50126: "wrong", 70000: "grant",
    70008: "run out", 700082: "90 days", 700084: "run out", 70043: "from time to time",
    50173: "revoked", 50196: "busy", 54005: "used already", 501481: "another sign-in",
    70011: "does not accept", 28000: "does not accept", 28002: "does not accept",
    28003: "does not accept", 700022: "does not accept", 500011: "no Exchange Online",
    500014: "no Exchange Online", 650052: "no Exchange Online", 90002: "does not know the organisation",
    900023: "does not know the organisation", 900144: "does not accept", 9002313: "does not accept",
    7000112: "switched off", 90055: "busy", 90072: "does not belong",
}  # fmt: skip


@pytest.mark.parametrize(("number", "words"), TABLE.items())
def test_each_known_refusal_has_a_cause_and_a_fix(number: int, words: str) -> None:
    told = explain("invalid_grant", f"AADSTS{number}: Raw words. Trace ID: 1", codes=[number])

    assert words in told.cause
    assert told.fix
    assert told.code == f"AADSTS{number}"
    assert "Raw words" not in f"{told.cause} {told.fix}"


@pytest.mark.parametrize("number", [50076, 50173, 65001, 70000, 70008, 70043])
def test_fix_names_a_button_that_is_there_before_anything_is_connected(number: int) -> None:
    assert "Start again" in explain("invalid_grant", codes=[number]).fix


def test_number_is_found_in_the_words_where_there_is_no_list() -> None:
    assert explain("invalid_client", "AADSTS7000222: The provided").code == "AADSTS7000222"


@pytest.mark.parametrize("error", ["access_denied", "cancelled", "permission_denied"])
def test_no_is_an_answer_and_nothing_is_wrong(error: str) -> None:
    told = explain(error)

    assert told.is_cancelled
    assert told.act is Act.PERSON


@pytest.mark.parametrize(
    ("error", "number", "who"),
    [
        ("invalid_client", 7000215, Act.OPERATOR),
        ("access_denied", 90094, Act.ADMIN),
        ("invalid_grant", 53003, Act.ADMIN),
        ("invalid_grant", 50173, Act.PERSON),
        ("temporarily_unavailable", 90055, Act.NOBODY),
    ],
)
def test_refusal_names_who_can_mend_it(error: str, number: int, who: Act) -> None:
    told = explain(error, codes=[number])

    assert told.act is who
    assert told.needs_admin is (who is Act.ADMIN)
    assert told.is_retryable is (who is Act.NOBODY)


def test_link_for_administrators_is_shown_where_it_helps() -> None:
    assert explain("access_denied", codes=[90094]).consent_helps
    assert not explain("invalid_grant", codes=[53003]).consent_helps


def test_personal_account_is_told_from_a_stranger() -> None:
    words = "AADSTS50020: User account '{}' from identity provider 'live.com' does not exist"

    assert "personal" in explain("access_denied", words).cause
    assert "personal" not in explain("access_denied", "AADSTS50020: from 'sts.windows.net'").cause


@pytest.mark.parametrize(
    "error",
    ["state_expired", "personal_account", "other_organisation", "other_account", "no_grant"],
)
def test_what_happens_before_microsoft_is_asked_has_words_too(error: str) -> None:
    told = explain(error)

    assert told.code == error
    assert "does not say why" not in told.cause


def test_unknown_number_is_told_as_it_is() -> None:
    told = explain("invalid_grant", "AADSTS999999: Something new.")

    assert told.code == "AADSTS999999"
    assert "AADSTS999999" in told.cause
    assert "Grant again" in told.fix
    assert not told.is_cancelled


def test_unknown_number_of_a_busy_server_passes_by_itself() -> None:
    assert explain("server_error", "AADSTS999999: Oops.").is_retryable


def test_suberror_tells_more_than_an_unknown_number() -> None:
    told = explain("invalid_grant", "AADSTS999999: New.", suberror="consent_required")

    assert told.consent_helps


def test_unknown_error_gets_a_sentence_that_is_true() -> None:
    told = explain("brand_new", "")

    assert "does not say why" in told.cause
    assert told.code == "brand_new"


@pytest.mark.parametrize(
    "secret",
    [
        f'{{"access_token":"{JWT}","refresh_token":"{REFRESH}"}}',
        f"Authorization: Bearer {JWT}",
        f"grant_type=refresh_token&refresh_token={REFRESH}&client_secret=Blue-Whale-42",
        "https://example.com/callback?code=0.AXEA-short-code&state=abc123&session_state=x9",
        f"AADSTS50034: The user frontdesk@lantern.example with {REFRESH} is not there",
        '{"client_secret": "Blue-Whale-42", "password": "open sesame"}',
        f"token {JWT} alone",
    ],
)
def test_log_shows_no_token_no_code_no_secret_and_no_email(secret: str) -> None:
    told = redact(secret)

    for hidden in (
        JWT,
        REFRESH,
        "Blue-Whale-42",
        "0.AXEA-short-code",
        "frontdesk@",
        "abc123",
        "sesame",
    ):
        assert hidden not in told


def test_log_keeps_what_helps() -> None:
    raw = "AADSTS50173: The grant expired. Trace ID: 1f2e3d4c-0000-4000-8000-5a6b7c8d9e0f"

    assert redact(raw) == raw
    assert len(redact("word " * 1000)) <= 500


@pytest.mark.parametrize("word", ["a", "a-", "eyJ", "a.,", "<"])
def test_page_of_a_proxy_is_read_in_no_time(word: str) -> None:
    """A pattern that looks at each beginning anew takes minutes for a hundred kilobytes."""
    began = time.process_time()

    redact(word * (100_000 // len(word)))

    assert time.process_time() - began < 1


def test_secret_that_is_cut_in_two_is_not_shown() -> None:
    for padding in range(3900, 4000):
        assert "SECRET" not in redact("@ " * (padding // 2) + "x" * (padding % 2) + "SECRET" * 20)


def test_what_a_terminal_obeys_does_not_reach_it() -> None:
    assert redact("AADSTS1\x1b[2Jx\x00\u202ey\x9b2J") == "AADSTS1 [2Jx y 2J"


def test_no_number_is_given_two_meanings() -> None:
    source = Path("apps/exchange/microsoft/refusal_words.py").read_text()
    rows = source.partition("_ROWS")[2].partition("BY_NUMBER")[0]
    numbers = re.findall(r"\b\d{5,7}\b", rows)

    assert len(numbers) == len(set(numbers))
    assert set(map(int, numbers)) == set(TABLE)
