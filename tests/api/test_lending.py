"""Signed addresses handed out again: the same for a quarter of their life, never for another object."""

from __future__ import annotations

import time
from typing import Any

import httpx

from maquette.api.lending import MOST, Lending


def test_an_address_is_lent_for_a_quarter_of_its_life_and_no_longer() -> None:
    lending = Lending()
    lending.keep("3d-models", {"a": "http://a"}, 3600)
    assert lending.find("3d-models", "a") == "http://a"
    assert lending.find("depth-maps", "a") is None
    lending.keep("3d-models", {"a": "http://older"}, 0.04)
    time.sleep(0.02)
    assert lending.find("3d-models", "a") is None


def test_missing_objects_are_not_remembered_and_memory_has_an_end() -> None:
    lending = Lending()
    lending.keep("b", {"missing": None}, 3600)
    lending.keep("b", {"first": "http://first", "second": "http://second"}, 3600)
    assert lending.find("b", "missing") is None
    lending.keep("b", {str(number): "x" for number in range(MOST - 2)}, 3600)
    assert lending.find("b", "first")  # asked for last, so another goes before it
    lending.keep("b", {"one more": "x"}, 3600)
    assert lending.find("b", "first") and lending.find("b", "second") is None


def test_a_page_that_reads_again_gets_the_same_addresses_and_they_open(api: httpx.Client, generated: str) -> None:
    first: list[dict[str, Any]] = api.get(f"/projects/{generated}/views").json()["items"]
    again: list[dict[str, Any]] = api.get(f"/projects/{generated}/views").json()["items"]
    urls = [view["image_url"] for view in first]
    assert [view["image_url"] for view in again] == urls and len(set(urls)) == len(urls)
    for url in urls:
        assert httpx.get(url, trust_env=False).status_code == 200
