"""Holding a call until its run has ended, without holding a connection to the database."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from maquette.api.calls import Call
from maquette.api.service import Service
from maquette.db import queue, runs
from maquette.db.rows import Row

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 1.0

Wait = Annotated[
    float,
    Query(
        ge=0,
        le=600,
        allow_inf_nan=False,
        description="Hold the call for up to so many seconds and answer 200 with the finished result; "
        "202 when the run has not ended by then.",
        examples=[60],
    ),
]


async def wait_for_end(service: Service, owner: UUID, call: Call, seconds: float, request: Request) -> Call:
    """The call with its run as it stands when it has ended, when the time is over or when the caller has gone."""
    run: Row = call.run
    position = call.position
    deadline, pause_s = time.monotonic() + seconds, FIRST_PAUSE_S
    while run["status"] not in runs.FINAL and (left_s := deadline - time.monotonic()) > 0:
        await asyncio.sleep(min(pause_s, left_s))
        pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
        if await request.is_disconnected():
            break
        async with service.transaction() as conn:
            run = await runs.get(conn, run["id"], owner)
            position = await queue.position(conn, run["id"])
    return Call(run, call.reuse, position)
