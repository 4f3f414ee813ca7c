"""What is kept is kept whole, once, and only by the attempt that may."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.execution.house import House, model_record, views_record

from maquette.db import runs
from maquette.execution.fetch import fill_folder
from maquette.execution.keeper import Keeper
from maquette.steps.folder import Folder


async def test_an_attempt_that_was_taken_over_writes_nothing(house: House, folder: Path) -> None:
    old = await house.started("generate")
    keeper = await Keeper.open(house.pool, house.objects, old, folder)
    new = await house.again(old)
    with pytest.raises(runs.FencedError):
        await keeper.keep(views_record(Folder(folder)))
    assert await house.rows("select 1 from public.multiview_generation where run_id = %s", old["id"]) == []
    assert await house.rows("select 1 from public.artifacts where run_id = %s", old["id"]) == []
    view = views_record(Folder(folder)).views[0]
    key = f"{house.project['id']}/{old['id']}"
    assert [k async for k in house.objects.walk("multiview-images", key)] == [], f"{view.name} was uploaded"
    async with house.pool.connection() as conn:
        with pytest.raises(runs.FencedError):
            await runs.beat(conn, old["id"], old["attempt"], stage="training", percentage=99, message="")
        with pytest.raises(runs.FencedError):
            await runs.finish(conn, old["id"], old["attempt"], "completed")
        await runs.note_warnings(conn, old["id"], old["attempt"], [{"code": "stale"}])
    now = await house.run(old["id"])
    assert (now["status"], now["attempt"], now["warnings"]) == ("running", new["attempt"], [])


async def test_a_repeated_attempt_writes_its_own_rows_again_in_place(house: House, folder: Path) -> None:
    first = await house.started("generate")
    record = views_record(Folder(folder))
    await (await Keeper.open(house.pool, house.objects, first, folder)).keep(record)
    second = await house.again(first)
    await (await Keeper.open(house.pool, house.objects, second, folder)).keep(record)
    views = await house.rows("select view_index from public.multiview_generation where run_id = %s", first["id"])
    assert sorted(view["view_index"] for view in views) == list(range(8))
    photos = await house.rows("select path from public.artifacts where run_id = %s and kind = 'view'", first["id"])
    assert len(photos) == 8
    made_by = f"/{first['id']}.{second['attempt']}/"
    assert all(made_by in photo["path"] for photo in photos), "an attempt writes over nothing of another"


async def test_a_record_whose_commit_was_not_heard_of_is_written_once(house: House, folder: Path) -> None:
    """As when Postgres goes away between the commit and its answer: the same attempt writes again."""
    run = await house.started("generate")
    keeper = await Keeper.open(house.pool, house.objects, run, folder)
    for record in (views_record(Folder(folder)), model_record(Folder(folder), 0)):
        await keeper.keep(record)
        before = dict(keeper.known)
        await keeper.keep(record)
        assert keeper.known == before
    models = await house.rows("select version from public.gaussian_splat_models where run_id = %s", run["id"])
    assert [model["version"] for model in models] == [0]
    views = await house.rows("select 1 from public.multiview_generation where run_id = %s", run["id"])
    assert len(views) == 8


async def test_the_next_attempt_finds_on_any_machine_what_was_kept(house: House, folder: Path, tmp_path: Path) -> None:
    first = await house.started("generate", {"preset": "fastest"})
    keeper = await Keeper.open(house.pool, house.objects, first, folder)
    await keeper.keep(views_record(Folder(folder)))
    await keeper.keep(model_record(Folder(folder), 0))
    second = await house.again(first)

    elsewhere = tmp_path / "elsewhere"
    await fill_folder(house.pool, house.objects, second, elsewhere)
    found = Folder(elsewhere)
    assert found.project()["versions_of_run"] == [0]
    assert found.project()["views_kept"] is True
    assert (found.scene / "cameras.json").read_bytes() == (folder / "sfm/scene/cameras.json").read_bytes()
    assert len(list((found.scene / "images").iterdir())) == 8
    assert set(found.load_model(0).metrics) == set(model_record(Folder(folder), 0).metrics)
    assert (found.model(0) / "checkpoint.npz").read_bytes() == (folder / "models/v0/checkpoint.npz").read_bytes()


async def test_a_file_of_the_same_size_but_another_content_is_fetched_again(
    house: House, folder: Path, tmp_path: Path
) -> None:
    first = await house.started("generate")
    await (await Keeper.open(house.pool, house.objects, first, folder)).keep(views_record(Folder(folder)))
    second = await house.again(first)
    elsewhere = tmp_path / "elsewhere"
    await fill_folder(house.pool, house.objects, second, elsewhere)
    cameras = elsewhere / "sfm" / "scene" / "cameras.json"
    right = cameras.read_bytes()
    cameras.write_bytes(right[:-2] + b"  ")
    await fill_folder(house.pool, house.objects, second, elsewhere)
    assert cameras.read_bytes() == right


async def test_a_model_leads_back_to_its_photos(house: House, folder: Path) -> None:
    await house.with_version(folder)
    artifact = (await house.model(0))["model_artifact_id"]
    inputs = await house.rows("select path, kind from public.artifact_lineage(%s)", artifact)
    assert sum(row["kind"] == "view" for row in inputs) == 7, "the held-out photo is no input of the model"


async def test_a_resumed_refine_knows_its_rounds_as_they_were(house: House, folder: Path, tmp_path: Path) -> None:
    await house.with_version(folder)
    run = await house.started("refine", {"from_version": 0})
    keeper = await Keeper.open(house.pool, house.objects, run, folder)
    for version in (1, 2):
        await keeper.keep(model_record(Folder(folder), version, parent=version - 1, psnr=20.0 + version))
    again = await house.again(run)
    elsewhere = tmp_path / "elsewhere"
    parameters = await fill_folder(house.pool, house.objects, again, elsewhere)
    assert parameters["from_version"] == 0
    found = Folder(elsewhere)
    assert found.project()["versions_of_run"] == [1, 2]
    assert found.next_version() == 3
    rounds = [found.load_model(version) for version in (1, 2)]
    assert [model.promote for model in rounds] == [True, True], "both were promoted when they were made"
    assert [model.iteration.iteration for model in rounds if model.iteration] == [1, 2]


async def test_a_run_that_never_beat_is_stalled_too(house: House) -> None:
    """Set running by hand, it would otherwise hold its project for ever."""
    run = await house.started("generate")
    for seconds, stalled in ((0, False), (60, True)):
        async with house.pool.connection() as conn:
            await conn.execute(
                "update public.runs set heartbeat_at = null, started_at = now() - make_interval(secs => %s)"
                " where id = %s",
                [seconds, run["id"]],
            )
            found = {row["id"] for row in await runs.stalled(conn, 15)}
        assert (run["id"] in found) == stalled


async def test_a_set_that_held_nothing_out_gives_way_and_one_that_measures_stays(house: House, folder: Path) -> None:
    measured = views_record(Folder(folder))
    for record, expected in (
        (measured.model_copy(update={"eval_names": ()}), []),
        (measured, [measured.views[0].name]),
        (measured.model_copy(update={"eval_names": (measured.views[1].name,)}), [measured.views[0].name]),
    ):
        run = await house.started("generate")
        await (await Keeper.open(house.pool, house.objects, run, folder)).keep(record)
        await house.finish(run)
        (row,) = await house.rows("select image_names from public.eval_sets where project_id = %s", house.project["id"])
        assert row["image_names"] == expected
