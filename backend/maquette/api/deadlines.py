"""Answers that keep their time, whatever they wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_ending: set[asyncio.Task[Any]] = set()
"""Work that was given up and is not done with being cancelled: the event loop itself would forget it."""


async def within(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """The result of ``work``, or :class:`TimeoutError` after ``seconds``, to the moment.

    ``asyncio.wait_for`` waits until what it cancels has ended, and a statement to a database that hangs takes ten
    seconds for that: here it ends by itself, beside the answer.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if done:
        return task.result()
    _ending.add(task)
    task.add_done_callback(_forget)
    task.cancel()
    raise TimeoutError


def _forget(task: asyncio.Task[Any]) -> None:
    _ending.discard(task)
    if not task.cancelled():
        task.exception()  # looked at, so that nobody complains of it
