"""Pictures of a training between the step and the database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.execution.house import House, views_record
from tests.execution.test_training_previews import preview

from maquette.execution.keeper import Keeper
from maquette.steps.folder import Folder
from maquette.worker.screen import Screen, keep_what_is_shown
from maquette.worker.services import open_services


async def test_only_the_newest_is_worth_keeping() -> None:
    screen = Screen()
    screen.show(preview(1))
    screen.show(preview(2))
    assert (await screen.newest()).iteration == 2
    waiting = asyncio.create_task(screen.newest())
    await asyncio.sleep(0)
    assert not waiting.done()
    screen.show(preview(3))
    assert (await waiting).iteration == 3


async def test_a_picture_that_cannot_be_kept_is_not_the_last_one(
    house: House, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    services = await open_services(house.settings, house.pool, house.objects)
    run = await house.started("generate")
    keeper = await Keeper.open(house.pool, house.objects, run, folder)
    await keeper.keep(views_record(Folder(folder)))
    screen = Screen()
    in_the_way = folder / ".preview.jpg"
    in_the_way.mkdir()
    keeping = asyncio.create_task(keep_what_is_shown(services, run, folder, screen))
    try:
        screen.show(preview(5))
        async with asyncio.timeout(20):
            while "a picture of its training was not kept" not in caplog.text:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        in_the_way.rmdir()
        screen.show(preview(9))
        async with asyncio.timeout(20):
            while not await house.rows("select 1 from public.training_previews where run_id = %s", run["id"]):
                assert not keeping.done(), "it gave up"
                await asyncio.sleep(0.02)
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})
