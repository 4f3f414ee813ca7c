"""Engines over HTTP: which there are, which are refused and why, and that ours is not mistaken for another."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

from maquette.settings import Settings


def test_health_lists_each_with_what_is_missing(api: httpx.Client) -> None:
    engines = {engine["name"]: engine for engine in api.get("/health").json()["engines"]}
    assert {"command", "3dgs", "lm", "reconviagen", "nvdiffrec", "both", "fcgs", "hacpp"} == set(engines)
    assert engines["3dgs"]["reason"] == "GS_3DGS_DOCKER_IMAGE is not set." and not engines["3dgs"]["available"]
    assert engines["fcgs"]["makes"] == "compressed" and engines["fcgs"]["steps"] == ["export"]


@pytest.mark.parametrize(
    ("step", "body", "setting"),
    [
        ("generate", {"engine": "3dgs"}, "GS_3DGS_DOCKER_IMAGE"),
        ("generate", {"engine": "both", "engine_fallback": True}, "RECONVIAGEN_COMMAND"),
        ("refine", {"engine": "lm"}, "GS_LM_ENABLE"),
        ("export", {"format": "hacpp"}, "HACPP_COMMAND"),
    ],
)
def test_one_that_is_not_set_up_is_refused_with_its_setting(
    api: httpx.Client, worker: Any, generated: str, step: str, body: dict[str, Any], setting: str
) -> None:
    before = worker.sql("select count(*) from runs")
    for params in ({}, {"dry_run": "true"}):
        answer = api.post(f"/{step}/{generated}", params=params, json=body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (422, "engine_unavailable"), answer.text
        assert error["details"]["setting"] == setting and setting in error["suggestion"]
    assert worker.sql("select count(*) from runs") == before


def test_names_and_options_that_nobody_knows_are_refused(api: httpx.Client, generated: str) -> None:
    for step, body in (("generate", {"engine": "lm"}), ("refine", {"engine": "3dgs"}), ("generate", {"engine": "x"})):
        answer = api.post(f"/{step}/{generated}", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_parameters")
    answer = api.post(f"/export/{generated}", json={"format": "fcgs", "optimize": True})
    assert answer.json()["error"]["code"] == "no_option_of_format"


def test_one_that_is_set_up_is_taken_and_is_other_work(
    settings: Settings, serve_again: Callable[[Settings], AbstractContextManager[str]], generated: str
) -> None:
    commands = {"engine_command": (sys.executable, "-c", "pass"), "fcgs_command": (sys.executable,)}
    with (
        serve_again(settings.model_copy(update=commands)) as url,
        httpx.Client(base_url=f"{url}/api/v1", trust_env=False, timeout=30) as client,
    ):
        engines = {engine["name"]: engine for engine in client.get("/health").json()["engines"]}
        assert engines["command"]["available"] and engines["command"]["reason"] is None
        assert "fcgs" in {one["name"] for one in client.get("/formats").json()["items"]}
        dry = {"dry_run": "true"}
        told = client.post(f"/generate/{generated}", params=dry, json={"engine": "command"}).json()
        assert told["reuses"] is None and told["parameters"]["engine"] == "command"
        again = client.post(f"/generate/{generated}", params=dry).json()
        assert again["reuses"]["because"] == "identical_work", "ours is not mistaken for another"
