"""Descriptors of a step's process are closed once, also under the event loop that the API runs on."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from maquette.execution.process import _pipe, _reader


async def listen_and_stop(folder: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        reading, writing = _pipe(stack)
        reader = await _reader(reading, stack)
        writing.send(b"word\n")
        assert await reader.readline() == b"word\n"
    # Numbers that are free now go to whoever opens something next, which may be another thread with a user's photo.
    opened = [os.open(folder, os.O_RDONLY) for _ in range(20)]
    await asyncio.sleep(0.05)
    for descriptor in opened:
        os.close(descriptor)


def open_now() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("run", [uvloop.run, asyncio.run])
def test_nobody_elses_descriptor_is_closed(run: Callable[..., Any], tmp_path: Path) -> None:
    run(listen_and_stop(tmp_path))  # the first loop opens what it keeps
    before = open_now()
    run(listen_and_stop(tmp_path))
    assert open_now() <= before  # fewer: what an earlier test left behind was closed meanwhile
