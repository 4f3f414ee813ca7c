"""``maquette gc`` on a running stack: what it says is what it does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import fresh_stack, served_storage
from tests.execution.house import House, house_of
from tests.retention.lived_in import make_older, objects_of, store
from typer.testing import CliRunner, Result

from maquette.cli import app
from maquette.embedded.stack import EmbeddedStack
from maquette.errors import MaquetteError


@pytest.fixture(scope="module")
def own_stack() -> Iterator[EmbeddedStack]:
    """It looks at every project there is."""
    with fresh_stack() as stack, served_storage(stack):
        yield stack


@pytest.fixture
def do(own_stack: EmbeddedStack, tmp_path: Path) -> Callable[[Callable[[House], Awaitable[Any]]], Any]:
    """Something done in a new project."""

    def done(work: Callable[[House], Awaitable[Any]]) -> Any:
        async def inside() -> Any:
            async with house_of(own_stack.connections, tmp_path / "home") as house:
                return await work(house)

        return asyncio.run(inside())

    return done


@pytest.fixture
def gc(own_stack: EmbeddedStack, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("MAQUETTE_HOME", str(own_stack.home))
    return lambda *arguments: CliRunner().invoke(app, ["gc", *arguments])


async def old_project(house: House) -> str:
    await store(house, "depth_map")
    await store(house, "export", name="stray", recorded=False)
    await make_older(house, 31)
    return str(house.project["id"])


def test_dry_run_then_for_real(
    gc: Callable[..., Result], do: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = do(old_project)
    monkeypatch.setenv("MAQUETTE_RETENTION_DAYS", "30")
    dry = gc("--dry-run")
    assert dry.exit_code == 0, dry.output
    assert project in dry.stdout and "would go: 2 objects, 20 B (20 bytes)" in dry.stdout
    assert gc("--dry-run").stdout == dry.stdout, "it changed nothing"
    assert gc("--days", "0", "--dry-run").stdout.startswith("Nothing expires"), "what is asked for here comes first"

    told = json.loads(gc("--json").stdout)
    [item] = [one for one in told["items"] if one["project_id"] == project]
    assert (item["what"], item["done"], item["objects"], item["bytes"]) == ("project", "removed", 2, 20)
    assert told["totals"]["removed"] == {"objects": 2, "bytes": 20}
    assert project not in gc().stdout


def test_intermediates_then_orphans(gc: Callable[..., Result], do: Callable[..., Any]) -> None:
    project = do(old_project)
    taken = gc("--intermediate-days", "7")
    assert taken.exit_code == 0, taken.output
    assert "intermediates" in taken.stdout and "removed: 1 objects, 10 B" in taken.stdout
    assert f"removed: intermediates of {project}" in taken.stderr, "told at once, for whoever stops it"
    # Without any days it only looks.
    looked = gc()
    assert looked.stdout.startswith("Nothing expires") and "objects without rows" in looked.stdout
    assert "found: 1 objects" in looked.stdout and "--delete-orphans" in looked.stdout
    assert "would be removed: 1 objects" in gc("--delete-orphans", "--dry-run").stdout
    assert "removed: 1 objects" in gc("--delete-orphans").stdout
    assert "no orphans" in gc().stdout

    async def left(house: House) -> dict[str, set[str]]:
        house.project = {"id": project}
        return await objects_of(house)

    assert do(left) == {}


def test_without_a_server(gc: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MAQUETTE_HOME", str(tmp_path))
    refused = gc("--dry-run")
    assert refused.exit_code == 1
    assert isinstance(refused.exception, MaquetteError) and refused.exception.code == "stack_not_running"
    assert "maquette serve" in refused.exception.suggestion


@pytest.mark.parametrize("name", ["MAQUETTE_RETENTION_DAYS", "MAQUETTE_INTERMEDIATE_DAYS"])
def test_days_have_bounds(gc: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert gc("--days", "-1").exit_code == 2
    monkeypatch.setenv(name, "-1")
    refused = gc()
    assert isinstance(refused.exception, MaquetteError) and refused.exception.code == "bad_setting"
    assert name in refused.exception.message
