"""What was left is enough: steps find what they read after a collection, and begin anew where they must."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.execution.house import House, model_record, views_record
from tests.retention.lived_in import make_older, three_versions

from maquette.db.records import FileRemovedError
from maquette.execution.fetch import fill_folder
from maquette.execution.keeper import Keeper
from maquette.recon.scenes.saved import load_saved_scene
from maquette.retention.collect import collect
from maquette.retention.removed import Stores, Terms
from maquette.steps.folder import Folder


async def week_later(house: House, stores: Stores) -> None:
    await make_older(house, 8)
    [_] = [one async for one in collect(stores, Terms(0, 7), dry_run=False)]


@pytest.mark.parametrize("version", [1, 2])
async def test_the_promoted_and_the_newest_can_be_refined(
    house: House, stores: Stores, folder: Path, tmp_path: Path, version: int
) -> None:
    await three_versions(house, folder)
    await week_later(house, stores)
    run = await house.started("refine", {"from_version": version})
    await fill_folder(house.pool, house.objects, run, tmp_path / "there")
    there = Folder(tmp_path / "there")
    assert len(load_saved_scene(there.scene).views) == 8
    for name in ("model.ply", "checkpoint.npz"):
        assert (there.model(version) / name).read_bytes() == (Folder(folder).model(version) / name).read_bytes()


async def test_any_version_can_be_exported_and_others_not_refined(
    house: House, stores: Stores, folder: Path, tmp_path: Path
) -> None:
    await three_versions(house, folder)
    await week_later(house, stores)
    export = await house.started("export", {"version": 0, "format": "ply", "filter_floaters": False})
    await fill_folder(house.pool, house.objects, export, tmp_path / "export")
    assert (Folder(tmp_path / "export").model(0) / "model.ply").exists()
    await house.finish(export)
    refine = await house.started("refine", {"from_version": 0})
    with pytest.raises(FileRemovedError, match=r"checkpoint\.npz was removed on"):
        await fill_folder(house.pool, house.objects, refine, tmp_path / "refine")


async def test_a_generate_that_goes_on_without_its_views_begins_anew(
    house: House, stores: Stores, folder: Path, tmp_path: Path
) -> None:
    """It was given up before it made a version, so that nothing kept its views."""
    run = await house.started("generate")
    await (await Keeper.open(house.pool, house.objects, run, folder)).keep(views_record(Folder(folder)))
    async with house.pool.connection() as conn:
        await conn.execute("update public.runs set status = 'cancelled' where id = %s", [run["id"]])
    await week_later(house, stores)
    async with house.pool.connection() as conn:
        cursor = await conn.execute(
            "insert into public.runs (project_id, step, continues_id) values (%s, 'generate', %s) returning *",
            [house.project["id"], run["id"]],
        )
        again = await cursor.fetchone()
        assert again is not None
    await fill_folder(house.pool, house.objects, again, tmp_path / "there")
    assert Folder(tmp_path / "there").project()["views_kept"] is False


async def test_a_refine_that_goes_on_needs_only_its_last_round(
    house: House, stores: Stores, folder: Path, tmp_path: Path
) -> None:
    await house.with_version(folder)
    run = await house.started("refine", {"from_version": 0})
    keeper = await Keeper.open(house.pool, house.objects, run, folder)
    for version in (1, 2, 3):
        await keeper.keep(model_record(Folder(folder), version, parent=version - 1))
    async with house.pool.connection() as conn:
        await conn.execute("update public.runs set status = 'cancelled' where id = %s", [run["id"]])
        # Its first round stays the chosen one.
        await conn.execute(
            "update public.gaussian_splat_models set promoted = false where project_id = %s", [house.project["id"]]
        )
        await conn.execute(
            "update public.gaussian_splat_models set promoted = true where project_id = %s and version = 0",
            [house.project["id"]],
        )
    await week_later(house, stores)
    async with house.pool.connection() as conn:
        cursor = await conn.execute(
            "insert into public.runs (project_id, step, continues_id, parameters)"
            """ values (%s, 'refine', %s, '{"from_version": 0}') returning *""",
            [house.project["id"], run["id"]],
        )
        again = await cursor.fetchone()
        assert again is not None
    await fill_folder(house.pool, house.objects, again, tmp_path / "there")
    there = Folder(tmp_path / "there")
    assert there.project()["versions_of_run"] == [1, 2, 3]
    assert [(there.model(version) / "checkpoint.npz").exists() for version in (0, 1, 2, 3)] == [
        True,
        False,
        False,
        True,
    ]
