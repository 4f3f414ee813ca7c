"""Work that will not end even when it is told to holds nobody up."""

from __future__ import annotations

import asyncio

import pytest

from maquette.api.deadlines import within


async def test_work_that_resists_being_cancelled_is_left_behind() -> None:
    let_go, ended = asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await let_go.wait()  # as a driver that waits for the server to confirm
            ended.set()
            raise RuntimeError("nobody asks any more") from None

    with pytest.raises(TimeoutError):
        await within(stubborn(), 0.05)
    assert not ended.is_set()
    let_go.set()
    async with asyncio.timeout(20):
        await ended.wait()


async def test_results_and_errors_pass() -> None:
    async def result() -> int:
        return 3

    async def error() -> int:
        raise ValueError("mine")

    assert await within(result(), 20) == 3
    with pytest.raises(ValueError, match="mine"):
        await within(error(), 20)


async def test_an_asker_who_goes_away_takes_the_work_along() -> None:
    stopped = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()

    asker = asyncio.create_task(within(work(), 3600))
    await asyncio.sleep(0.05)
    asker.cancel()
    async with asyncio.timeout(20):
        await stopped.wait()
