"""Checkpoints on their way to the bucket."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.execution.house import House

from maquette.db import runs
from maquette.db.rows import Row
from maquette.execution.saved_work import drop_saved_work, save_work
from maquette.worker.saver import save_now_and_then
from maquette.worker.services import Services, open_services


async def saved(house: House, run: Row) -> list[str]:
    rows = await house.rows(
        "select path from public.artifacts where run_id = %s and kind = 'saved_work' order by path", run["id"]
    )
    return [Path(row["path"]).name for row in rows]


async def until_logged(caplog: pytest.LogCaptureFixture, words: str) -> None:
    async with asyncio.timeout(20):
        while words not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.fixture
async def services(house: House) -> Services:
    opened = await open_services(house.settings, house.pool, house.objects)
    return replace(opened, settings=house.settings.model_copy(update={"save_work_every_s": 0.05}))


async def test_a_saving_that_fails_is_not_the_last_one(
    house: House, services: Services, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = await house.started("generate")
    training = tmp_path / "run" / "training"
    training.mkdir(parents=True)
    for name in ("work.json", "checkpoint.npz"):
        (training / name).write_text(name)
    in_the_way = tmp_path / "run" / ".saving"
    in_the_way.write_text("a file where the snapshot goes")
    saving = asyncio.create_task(save_now_and_then(services, run, tmp_path / "run"))
    try:
        await until_logged(caplog, "its checkpoint was not saved (FileExistsError)")
        in_the_way.unlink()
        async with asyncio.timeout(20):
            while await saved(house, run) != ["checkpoint.npz", "work.json"]:
                assert not saving.done(), "it gave up"
                await asyncio.sleep(0.02)
    finally:
        saving.cancel()
        await asyncio.wait({saving})


async def test_an_attempt_that_was_taken_over_drops_nothing_of_its_successor(house: House, tmp_path: Path) -> None:
    old = await house.started("generate")
    new = await house.again(old)
    checkpoint = tmp_path / "checkpoint.npz"
    checkpoint.write_text("new")
    await save_work(house.pool, house.objects, new, [checkpoint], 1)
    with pytest.raises(runs.FencedError):
        await drop_saved_work(house.pool, house.objects, old)
    assert await saved(house, new) == ["checkpoint.npz"]
    await drop_saved_work(house.pool, house.objects, new)
    assert await saved(house, new) == []
