"""What Graph tells of who signed in, and of their organisation: believed where it can be true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.exchange.errors import Transient
from apps.exchange.graph import session
from apps.exchange.microsoft import asking
from tests.exchange.graph.scripted import Graph
from tests.exchange.http import serving

ID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"


@pytest.fixture
def graph(settings: Any) -> Iterator[Graph]:
    settings.EXCHANGE_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = ["127.0.0.1"]
    with serving() as server:
        yield Graph(server)
    session.close_connections()


def test_organisation_has_one_name_and_one_spelling(graph: Graph) -> None:
    graph.says({"value": [{"id": ID.upper(), "displayName": "Lantern\0 \ud83dHouse\r\n"}]})

    assert asking.organisation(graph.settings()) == asking.Organisation(ID, "Lantern House")


def test_who_has_no_organisation_has_a_personal_account(graph: Graph) -> None:
    graph.says({"value": []})

    assert asking.organisation(graph.settings()) is None


@pytest.mark.parametrize(
    "row", [{}, {"id": 7}, {"id": ""}, {"id": "../../evil"}, {"id": f"{ID}\0"}, {"id": ID * 9}]
)
def test_answer_that_names_no_organisation_makes_nobody_a_personal_account(
    graph: Graph, row: dict[str, Any]
) -> None:
    graph.says({"value": [row]})

    with pytest.raises(Transient):
        asking.organisation(graph.settings())


@pytest.mark.parametrize("told", [{}, {"id": None}, {"id": ""}, {"id": "x\0"}, {"id": "x" * 65}])
def test_answer_that_names_nobody_is_no_other_account(graph: Graph, told: dict[str, Any]) -> None:
    """Else one bad answer would stop a connection until a person acts."""
    graph.says(told)

    with pytest.raises(Transient):
        asking.account(graph.settings())
