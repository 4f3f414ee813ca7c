"""What is at work and what waits."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from maquette.api.outlooks import POSITION, Ahead, told
from maquette.api.owners import Owner
from maquette.api.problems import error_responses
from maquette.api.service import Serving
from maquette.api.shapes import RunStatus, Step
from maquette.queue.forecast import look_ahead

router = APIRouter(tags=["status"])


class Queued(Ahead):
    """An unfinished run."""

    run_id: UUID
    project_id: UUID
    step: Step
    status: RunStatus
    position: int = Field(description=POSITION, examples=[1])
    stage: str | None
    progress_percentage: float = Field(description="0 to 100.")
    queued_at: datetime
    started_at: datetime | None


class Line(BaseModel):
    """How long the whole line is, other people's runs counted."""

    running: int = Field(description="Runs at work.", examples=[2])
    waiting: int = Field(description="Runs in line.", examples=[7])
    slots: int = Field(
        description="Runs that can be at work at the same time, by the workers that live; with 0 times are reckoned as"
        " if one came.",
        examples=[2],
    )


class Queue(BaseModel):
    """The caller's unfinished runs."""

    running: list[Queued]
    waiting: list[Queued] = Field(description="In the order of the line.")
    line: Line


@router.get("/queue", response_model=Queue, summary="At work and in line", responses=error_responses())
async def read_queue(service: Serving, owner: Owner) -> dict[str, Any]:
    """Your own runs, with their places in the whole line.

    Owners take turns, so that one owner's many runs do not keep another's first one waiting.
    """
    async with service.transaction() as conn:
        seen = await look_ahead(conn)
    mine = [
        {**row, "run_id": row["id"], **told(seen.outlooks[row["id"]])} for row in seen.line if row["owner_id"] == owner
    ]
    running = sum(row["status"] == "running" for row in seen.line)
    return {
        "running": [entry for entry in mine if entry["status"] == "running"],
        "waiting": [entry for entry in mine if entry["status"] == "queued"],
        "line": {"running": running, "waiting": len(seen.line) - running, "slots": seen.slots},
    }
