"""How an attempt ends that did not finish its run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maquette.db import runs
from maquette.db.rows import Connection, Row
from maquette.queue.jobs import enqueue

CANCELLED: dict[str, object] = {
    "code": "run_cancelled",
    "message": "The run was cancelled.",
    "details": {},
    "suggestion": "POST /api/v1/runs/{id}/retry goes on from what was finished.",
}


async def put_back(conn: Connection, run: Row, reason: Mapping[str, Any], *, wait_s: float) -> None:
    """Another attempt in line, ``wait_s`` from now; the end where somebody has asked to cancel meanwhile.

    Nothing happens where the run has moved on by itself.
    """
    again = await runs.requeue(conn, run["id"], run["attempt"], reason)
    if again is None:
        return
    if again["cancel_requested_at"] is not None:
        await runs.request_cancel(conn, run["id"])
        return
    await enqueue(conn, again, wait_s=wait_s)
