"""The end of a run's log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, Field

from maquette.api.owners import Owner
from maquette.api.paths import RunId
from maquette.api.problems import error_responses
from maquette.api.service import Serving
from maquette.db import run_logs, runs

router = APIRouter(tags=["runs"])

Lines = Annotated[
    int,
    Query(ge=1, le=run_logs.KEPT_LINES, description="How many of the last lines.", examples=[50]),
]


class RunLog(BaseModel):
    """What a run's process wrote last. Paths of the machine it runs on and whatever looks like a secret are left out
    (`…`)."""

    run_id: UUID
    attempt: int = Field(description="The attempt that wrote it, from 1; 0: the run has not started.", examples=[1])
    lines: list[str] = Field(
        description="At most 2,000 characters each; the last one may not be at its end yet.",
        examples=[["registered 11 of 11 images", "training: 500 of 2000"]],
    )
    updated_at: datetime | None = Field(description="When a line last came; null: nothing was written yet.")
    truncated: bool = Field(description="Whether there were lines before these.", examples=[False])


@router.get(
    "/runs/{run_id}/log",
    response_model=RunLog,
    summary="Read the end of a run's log",
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The lines."},
        **error_responses(404),
    },
)
async def read_run_log(
    request: Request, service: Serving, owner: Owner, run_id: RunId, lines: Lines = run_logs.KEPT_LINES
) -> Response:
    """The last 200 lines at most, about two seconds behind a run that is at work.

    With `Accept: text/plain` the lines alone. A run that is tried again begins anew: `attempt` says whose lines these
    are. Uploads have no log.
    """
    async with service.transaction() as conn:
        run = await runs.get(conn, run_id, owner)
        kept: dict[str, Any] = await run_logs.read(conn, run_id) or {
            "attempt": run["attempt"],
            "lines": [],
            "updated_at": None,
        }
    shown = kept["lines"][-lines:]
    if _wants_text(request.headers.get("accept", "")):
        return PlainTextResponse("".join(f"{line}\n" for line in shown), headers={"Vary": "Accept"})
    answer = RunLog(
        run_id=run_id,
        attempt=kept["attempt"],
        lines=shown,
        updated_at=kept["updated_at"],
        truncated=len(shown) < len(kept["lines"]),
    )
    return JSONResponse(answer.model_dump(mode="json"), headers={"Vary": "Accept"})


def _wants_text(accept: str) -> bool:
    """Whether text/plain is asked for by name, and JSON is not."""
    asked = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return "text/plain" in asked and "application/json" not in asked
