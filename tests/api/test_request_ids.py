"""Every answer carries an id that the log has too: the caller's own, where that is harmless."""

from __future__ import annotations

import logging
import re

import httpx
import pytest


def test_a_plain_id_of_the_caller_comes_back(api: httpx.Client) -> None:
    answer = api.get("/queue", headers={"X-Request-Id": "page-7.load_2"})
    assert answer.headers["x-request-id"] == "page-7.load_2"
    refused = api.get("/nothing", headers={"X-Request-Id": "page-8"})
    assert refused.status_code == 404 and refused.headers["x-request-id"] == "page-8"


@pytest.mark.parametrize("given", ["", "a b", "-x", "é".encode(), "x" * 65, "a;b", '"quoted"'])
def test_any_other_is_replaced(api: httpx.Client, given: str | bytes) -> None:
    answer = api.get("/queue", headers=[(b"x-request-id", given if isinstance(given, bytes) else given.encode())])
    assert re.fullmatch("[0-9a-f]{12}", answer.headers["x-request-id"])


def test_probes_that_are_well_stay_out_of_the_log(
    api: httpx.Client, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="maquette.access"):
        for path in ("/health", "/ready", "/metrics", "/api/v1/ready"):
            assert httpx.get(f"{address}{path}", trust_env=False).status_code == 200
        api.get("/queue", headers={"X-Request-Id": "seen"})
    assert [record.getMessage().split()[:3] for record in caplog.records if record.name == "maquette.access"] == [
        ["seen", "GET", "/api/v1/queue"]
    ]
