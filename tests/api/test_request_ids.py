"""Every answer carries an id that the log has too: the caller's own, where that is harmless."""

from __future__ import annotations

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
