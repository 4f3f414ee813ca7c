"""A few made-up calls of every operation against a running API; `python -m bench.schemathesis` makes thousands."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest
from tests.api.worker import Worker

schemathesis = pytest.importorskip("schemathesis", reason="make install-dev brings it")

pytestmark = pytest.mark.filterwarnings("ignore")
"""Schemathesis warns of its own making up."""

SEED = 20261122


@pytest.fixture(scope="module")
def description(address: str) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(f"{address}/api/v1/openapi.json", trust_env=False).json()
    return told


def test_every_answer_is_one_that_the_description_foresees(
    address: str, connections: Any, description: dict[str, Any]
) -> None:
    from tests.api.conforming import SLOW, names_of, try_operations

    with httpx.Client(base_url=f"{address}/api/v1", timeout=60, trust_env=False) as client:
        names = names_of(client, Worker(connections))
        tried = try_operations(
            address, description, lambda: names, examples=1, number=SEED, only=lambda label: label not in SLOW
        )
    assert not tried.faults, "\n\n".join(f"{what}\n{how}" for what, how in tried.faults.items())
    operations = {f"{m.upper()} {path}" for path, methods in description["paths"].items() for m in methods}
    assert set(tried.calls) == operations - SLOW
    assert 500 not in tried.statuses and {200, 404, 422} <= set(tried.statuses)


@pytest.mark.parametrize("change", ["a status", "a field"])
def test_it_would_notice(address: str, description: dict[str, Any], change: str) -> None:
    """Where the description says something else than the API does."""
    from tests.api.conforming import try_operations

    label, wrong = "GET /api/v1/projects", copy.deepcopy(description)
    answers = wrong["paths"]["/api/v1/projects"]["get"]["responses"]
    if change == "a status":
        answers["201"] = answers.pop("200")
    else:
        answers["200"]["content"]["application/json"]["schema"] = {"type": "object", "required": ["total"]}
    tried = try_operations(address, wrong, dict, examples=3, number=SEED, only=lambda one: one == label)
    assert tried.faults
