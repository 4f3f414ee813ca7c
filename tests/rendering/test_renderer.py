"""The line before the process that draws, and everything that can happen to that process. It is a real one, stopped
and killed by signals."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from maquette.errors import MaquetteError
from maquette.rendering.errors import RenderBusyError, RendererDiedError, RenderTimedOutError
from maquette.rendering.jobs import Job
from maquette.rendering.pictures import read_picture_file
from maquette.rendering.renderer import Limits, Renderer

MakeJob = Callable[..., Job]


@asynccontextmanager
async def running(job: Job, **limits: float) -> AsyncIterator[Renderer]:
    """A renderer whose process has drawn a picture already."""
    async with Renderer.running(Limits(memory_mb=0, **limits)) as renderer:  # type: ignore[arg-type]
        assert renderer.pid is None, "nothing is started before somebody looks"
        assert await renderer.draw(job.model_copy(update={"to": job.to.with_name("first")}))
        yield renderer


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - processes set no events
            await asyncio.sleep(0.01)


def stop(renderer: Renderer) -> int:
    assert renderer.pid is not None
    os.kill(renderer.pid, signal.SIGSTOP)
    return renderer.pid


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


async def test_one_process_draws_all_and_ends_with_its_parent(job: MakeJob) -> None:
    async with running(job()) as renderer:
        pid = renderer.pid
        assert pid is not None
        for name in "ab":
            assert await renderer.draw(job(name))
            picture = read_picture_file(job(name).to)
            assert picture is not None and picture.data.startswith(b"\x89PNG")
            assert picture.facts == {"width": 32, "height": 24}
        assert renderer.pid == pid
    assert gone(pid)


async def test_too_many_are_refused_at_once_and_the_others_served(job: MakeJob) -> None:
    async with running(job(), most_waiting=2) as renderer:
        pid = stop(renderer)
        drawing = [asyncio.create_task(renderer.draw(job(name))) for name in "abc"]
        await until(lambda: renderer.waiting == 2)
        with pytest.raises(RenderBusyError) as refused:
            await renderer.draw(job("d"))
        assert refused.value.code == "busy" and refused.value.status == 503
        os.kill(pid, signal.SIGCONT)
        assert await asyncio.gather(*drawing) == [True] * 3
        assert await renderer.draw(job("d"))


async def test_waiting_has_an_end(job: MakeJob) -> None:
    async with running(job(), wait_s=0.2) as renderer:
        pid = stop(renderer)
        first = asyncio.create_task(renderer.draw(job("a")))
        await asyncio.sleep(0)
        with pytest.raises(RenderBusyError):
            await renderer.draw(job("b"))
        os.kill(pid, signal.SIGCONT)
        assert await first and renderer.waiting == 0
        assert await renderer.draw(job("b"))


async def test_who_goes_away_leaves_the_line(job: MakeJob) -> None:
    async with running(job()) as renderer:
        pid = stop(renderer)
        at_work, waiting, patient = (asyncio.create_task(renderer.draw(job(name))) for name in "abc")
        await until(lambda: renderer.waiting == 2)
        for leaving in (waiting, at_work):
            leaving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaving
        assert renderer.waiting == 1
        os.kill(pid, signal.SIGCONT)
        assert await patient
        # What was being drawn was finished for the next who asks; what waited was never begun.
        assert job("a").to.exists() and not job("b").to.exists()
        assert renderer.pid == pid


async def test_one_that_hangs_is_ended_and_the_next_call_works(job: MakeJob) -> None:
    async with running(job()) as renderer:
        renderer.limits = Limits(memory_mb=0, draw_s=0.2)
        pid = stop(renderer)
        with pytest.raises(RenderTimedOutError) as refused:
            await renderer.draw(job("a"))
        assert refused.value.status == 503 and gone(pid)
        renderer.limits = Limits(memory_mb=0)
        assert await renderer.draw(job("a")) and renderer.pid != pid


async def test_one_that_is_killed_is_named_and_the_next_call_works(job: MakeJob) -> None:
    async with running(job()) as renderer:
        pid = stop(renderer)
        drawing = asyncio.create_task(renderer.draw(job("a")))
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(RendererDiedError) as refused:
            await drawing
        assert refused.value.code == "renderer_died" and refused.value.details == {"exit": "SIGKILL"}
        assert await renderer.draw(job("a")) and renderer.pid != pid


async def test_one_that_dies_while_nobody_looks_is_not_missed(job: MakeJob) -> None:
    async with running(job()) as renderer:
        assert renderer.pid is not None
        os.kill(renderer.pid, signal.SIGKILL)
        await until(lambda: renderer.pid is None)
        assert await renderer.draw(job("a"))


async def test_it_ends_when_nobody_looks_and_comes_back(job: MakeJob) -> None:
    async with running(job(), idle_s=0.1) as renderer:
        pid = renderer.pid
        assert pid is not None
        await until(lambda: gone(pid))
        assert renderer.pid is None
        assert await renderer.draw(job("a"))


async def test_memory_has_an_end_that_is_said(job: MakeJob) -> None:
    async with Renderer.running(Limits(memory_mb=900)) as renderer:
        with pytest.raises(MaquetteError) as refused:
            await renderer.draw(job("a", width=12_000, height=12_000))
        assert refused.value.code in ("render_out_of_memory", "renderer_died") and refused.value.status == 503
        assert "MAQUETTE_RENDER_MEMORY_MB" in refused.value.suggestion
        assert await renderer.draw(job("b"))


async def test_what_has_gone_is_told_and_what_is_damaged_refused(job: MakeJob, tmp_path: Path) -> None:
    async with Renderer.running(Limits(memory_mb=0)) as renderer:
        assert not await renderer.draw(job("a", model=tmp_path / "gone.ply"))
        damaged = tmp_path / "damaged.ply"
        damaged.write_bytes(b"no model")
        with pytest.raises(MaquetteError) as refused:
            await renderer.draw(job("a", model=damaged))
        assert refused.value.code == "bad_model_file"
        assert not job("a").to.exists()
        assert await renderer.draw(job("a"))
