"""What is at work and what waits."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from maquette.api.owners import Owner
from maquette.api.problems import error_responses
from maquette.api.service import Serving
from maquette.api.shapes import RunStatus, Step
from maquette.db import queue

router = APIRouter(tags=["status"])


class Queued(BaseModel):
    """An unfinished run."""

    run_id: UUID
    project_id: UUID
    step: Step
    status: RunStatus
    position: int = Field(description="0: at work; from 1: its place in the whole line, other people's runs counted.")
    stage: str | None
    progress_percentage: float = Field(description="0 to 100.")
    queued_at: datetime
    started_at: datetime | None


class Queue(BaseModel):
    """The caller's unfinished runs."""

    running: list[Queued]
    waiting: list[Queued]


@router.get("/queue", response_model=Queue, summary="At work and in line", responses=error_responses())
async def read_queue(service: Serving, owner: Owner) -> dict[str, Any]:
    """Your own runs, with their places in the whole line."""
    async with service.transaction() as conn:
        rows = await queue.line(conn, owner)
    line = [{**row, "run_id": row["id"]} for row in rows]
    return {
        "running": [entry for entry in line if entry["status"] == "running"],
        "waiting": [entry for entry in line if entry["status"] == "queued"],
    }
