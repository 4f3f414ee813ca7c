"""Filling a run's folder over a line that shortens what it carries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.execution.house import House
from tests.faults.proxy import run_proxy

from maquette.execution.fetch import DOWNLOADS, fill_folder
from maquette.recon.digest import sha256_of
from maquette.storage.client import Objects


@pytest.mark.parametrize("shortened", [DOWNLOADS - 1, 1000])
async def test_an_object_that_came_shortened_is_fetched_again_and_never_worked_on(
    house: House, folder: Path, tmp_path: Path, shortened: int
) -> None:
    await house.with_version(folder)
    run = await house.started("export", {"version": 0})
    with run_proxy(int(house.connections.supabase_url.rpartition(":")[2])) as proxy:
        trouble = proxy.trouble("short_download", "GET", times=shortened)
        connections = replace(house.connections, supabase_url=proxy.url)
        async with Objects.open(connections) as objects:
            (tmp_path / "run").mkdir()
            if shortened < DOWNLOADS:
                await fill_folder(house.pool, objects, run, tmp_path / "run")
            else:
                with pytest.raises(Exception, match="not what was stored") as told:
                    await fill_folder(house.pool, objects, run, tmp_path / "run")
                assert told.value.code == "object_damaged"
    assert trouble.done >= min(shortened, DOWNLOADS)
    (stored,) = await house.rows(
        "select a.path, a.sha256 from public.gaussian_splat_models m join public.artifacts a"
        " on a.id = m.model_artifact_id where m.project_id = %s",
        house.project["id"],
    )
    found = list((tmp_path / "run").rglob(Path(stored["path"]).name))
    if shortened < DOWNLOADS:
        assert [sha256_of(path) for path in found] == [stored["sha256"]]
    else:
        assert found == [], "half a model lies where a step would read it"
    await house.finish(run)
