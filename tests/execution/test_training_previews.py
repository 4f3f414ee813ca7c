"""Pictures of a training on their way to where its owner sees them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.execution.house import House, views_record

from maquette.db import runs
from maquette.db.rows import Row
from maquette.execution.keeper import Keeper
from maquette.execution.training_previews import drop_previews, save_preview
from maquette.steps.folder import Folder
from maquette.steps.records import Preview


def preview(iteration: int, picture: bytes = b"jpeg") -> Preview:
    return Preview(view_index=0, iteration=iteration, iterations=60, psnr=20.5, width=40, height=30, picture=picture)


async def objects_of(house: House) -> list[str]:
    rows = await house.rows(
        "select name from storage.objects where name like %s order by name", f"{house.project['id']}/work/%"
    )
    return [Path(row["name"]).name for row in rows]


@pytest.fixture
async def training(house: House, folder: Path) -> Row:
    """A generate whose views are kept."""
    run = await house.started("generate")
    keeper = await Keeper.open(house.pool, house.objects, run, folder)
    await keeper.keep(views_record(Folder(folder)))
    return run


async def test_the_newest_one_takes_the_place_of_the_one_before(house: House, folder: Path, training: Row) -> None:
    for number, iteration in enumerate((3, 20), start=1):
        await save_preview(house.pool, house.objects, training, preview(iteration), number, folder)
    [row] = await house.rows("select * from public.training_previews where run_id = %s", training["id"])
    assert (row["iteration"], row["iterations"], row["psnr"], row["width"]) == (20, 60, 20.5, 40)
    [artifact] = await house.rows(
        "select * from public.artifacts where kind = 'training_preview' and project_id = %s", house.project["id"]
    )
    assert artifact["id"] == row["artifact_id"] and artifact["bytes"] == 4
    assert await objects_of(house) == ["0002.jpg"]
    told = await house.rows(
        "select payload from public.events where project_id = %s and type = 'preview' order by seq", house.project["id"]
    )
    assert [one["payload"]["iteration"] for one in told] == [3, 20]
    assert told[-1]["payload"]["run_id"] == str(training["id"])


async def test_the_next_attempt_shows_its_own_and_the_end_takes_it_away(
    house: House, folder: Path, training: Row
) -> None:
    await save_preview(house.pool, house.objects, training, preview(3), 1, folder)
    again = await house.again(training)
    with pytest.raises(runs.FencedError):
        await save_preview(house.pool, house.objects, training, preview(9), 2, folder)
    with pytest.raises(runs.FencedError):
        await drop_previews(house.pool, house.objects, training)
    await save_preview(house.pool, house.objects, again, preview(12), 1, folder)
    [row] = await house.rows("select * from public.training_previews where run_id = %s", training["id"])
    assert (row["attempt"], row["iteration"]) == (2, 12)
    await drop_previews(house.pool, house.objects, again)
    assert await house.rows("select * from public.training_previews where run_id = %s", training["id"]) == []
    # What the fenced attempt sent after it was over is nobody's; `maquette gc` finds it.
    assert await objects_of(house) == ["0002.jpg"]


async def test_a_run_that_goes_on_from_another_takes_over_what_that_showed(
    house: House, folder: Path, training: Row
) -> None:
    await save_preview(house.pool, house.objects, training, preview(30), 1, folder)
    async with house.pool.connection() as conn:
        await runs.finish(conn, training["id"], 1, "cancelled")
        second = await runs.create(conn, house.project["id"], "generate", continues_id=training["id"])
        started = await runs.start(conn, second["id"])
    assert started is not None
    await save_preview(house.pool, house.objects, started, preview(31), 1, folder)
    rows = await house.rows("select * from public.training_previews where project_id = %s", house.project["id"])
    assert [(row["run_id"], row["iteration"]) for row in rows] == [(second["id"], 31)]
    assert await objects_of(house) == ["0001.jpg"]
