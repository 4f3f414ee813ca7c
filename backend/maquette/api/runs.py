"""Single runs: read, cancel in two steps, retry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from maquette.api import readiness
from maquette.api.calls import Prepare, call_again
from maquette.api.outlooks import POSITION, Ahead, told
from maquette.api.owners import Owner
from maquette.api.paths import RunId
from maquette.api.problems import error_responses
from maquette.api.repeats import IdempotencyKey
from maquette.api.results import Accepted, result_of
from maquette.api.service import Serving
from maquette.api.shapes import Run, RunStatus, Step
from maquette.api.steps import answer_call
from maquette.api.waiting import Wait
from maquette.db import projects, runs
from maquette.db.rows import Row
from maquette.errors import WrongStateError
from maquette.queue.forecast import look_ahead
from maquette.queue.jobs import withdraw
from maquette.settings import Settings
from maquette.steps.parameters import ExportParameters, GenerateParameters, RefineParameters

router = APIRouter(tags=["runs"])


class RunAlreadyEndedError(WrongStateError):
    """There is nothing left to cancel."""

    code = "run_already_ended"


class RunNotRetryableError(WrongStateError):
    """Only failed and cancelled runs of generate, refine and export can be tried again."""

    code = "run_not_retryable"


class RunRead(Run, Ahead):
    """A run, its place in line, and its result with fresh addresses once it is completed."""

    queue_position: int | None = Field(description=f"{POSITION} Null: it has ended.", examples=[1])


class Confirmation(BaseModel):
    """Whether the caller has read what would be lost."""

    model_config = ConfigDict(extra="forbid")

    confirm: bool = Field(False, description="False: only say what would be lost. True: cancel.", examples=[True])


class CancelAnswer(BaseModel):
    """Either what a cancel would lose, or that it is under way."""

    run_id: UUID
    step: Step
    status: RunStatus
    confirm_needed: bool = Field(description='Nothing was done yet: repeat with `{"confirm": true}`.')
    would_lose: str = Field(description="A sentence.", examples=["Its place in line."])
    keeps: str = Field(description="A sentence.", examples=["All photos and 2 model versions stay."])
    cancel_requested: bool


UNCONFIRMED = Confirmation()


@router.get("/runs/{run_id}", response_model=RunRead, summary="Read a run", responses=error_responses(404))
async def read_run(service: Serving, owner: Owner, run_id: RunId) -> dict[str, Any]:
    """Everything about one call of a step. `result` holds what the step's POST answers, with addresses signed now."""
    async with service.transaction() as conn:
        run = await runs.get(conn, run_id, owner)
        outlook = None if run["status"] in runs.FINAL else (await look_ahead(conn)).outlooks.get(run_id)
        project = await projects.get(conn, run["project_id"], owner)
    result = run["result"]
    if run["status"] == "completed" and run["step"] != "upload":
        result = {**result, **await result_of(service, run, project["name"])}
    return {**run, "result": result, "queue_position": outlook and outlook.position, **told(outlook)}


@router.post(
    "/runs/{run_id}/cancel",
    response_model=CancelAnswer,
    summary="Cancel, in two steps",
    responses=error_responses(404, 409, 413),
)
async def cancel_run(
    service: Serving, owner: Owner, run_id: RunId, body: Annotated[Confirmation, Body()] = UNCONFIRMED
) -> dict[str, Any]:
    """The first call changes nothing and says what would be lost; with `{"confirm": true}` it is done.

    A waiting run is cancelled at once, a running one stops within seconds. `409 run_already_ended` afterwards.
    """
    async with service.transaction() as conn:
        run = await runs.get(conn, run_id, owner)
        if body.confirm:
            changed = await runs.request_cancel(conn, run_id)
            if changed is None:
                raise _ended(await runs.get(conn, run_id, owner))
            run = changed
            if run["status"] == "cancelled":
                await withdraw(conn, run)
        elif run["status"] in runs.FINAL:
            raise _ended(run)
        kept = await runs.kept(conn, run["project_id"])
    return {
        "run_id": run_id,
        "step": run["step"],
        "status": run["status"],
        "confirm_needed": not body.confirm,
        "would_lose": _would_lose(run),
        "keeps": f"All {kept['photos']} photos, {kept['models']} finished model versions and"
        f" {kept['exports']} exports stay.",
        "cancel_requested": run["cancel_requested_at"] is not None,
    }


@router.post(
    "/runs/{run_id}/retry",
    status_code=202,
    response_model=None,
    summary="Try again",
    responses={
        200: {"description": "Finished: what the step's own call answers, after `wait` or for a repeated key."},
        202: {"model": Accepted, "description": "A new run is in line."},
        **error_responses(404, 409, 413),
    },
)
async def retry_run(
    request: Request,
    service: Serving,
    owner: Owner,
    run_id: RunId,
    wait: Wait = 0,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """A new run with the same parameters. `409 run_not_retryable` for one that has not failed and was not cancelled."""
    async with service.transaction() as conn:
        run = await runs.get(conn, run_id, owner)
    if run["status"] not in {"failed", "cancelled"} or run["step"] == "upload":
        raise RunNotRetryableError(
            f"This {run['step']} is {run['status']}; only a failed or cancelled generate, refine or export is retried.",
            suggestion="Call the step itself again for new work.",
            status=run["status"],
            step=run["step"],
        )
    call = await call_again(service, owner, run, await _prepare(run, service.settings), key=idempotency_key)
    return await answer_call(service, owner, call, wait, request)


async def _prepare(run: Row, settings: Settings) -> Prepare:
    if run["step"] == "generate":
        return readiness.for_generate(GenerateParameters.model_validate(run["parameters"]), settings)
    if run["step"] == "refine":
        return readiness.for_refine(RefineParameters.model_validate(run["parameters"]), settings)
    return await readiness.for_export(ExportParameters.model_validate(run["parameters"]), settings)


def _ended(run: Row) -> RunAlreadyEndedError:
    return RunAlreadyEndedError(
        f"This run is already {run['status']}.",
        suggestion="There is nothing to cancel; GET /api/v1/runs/{id} shows how it ended.",
        status=run["status"],
    )


def _would_lose(run: Row) -> str:
    if run["started_at"] is None:
        return f"The {run['step']} has not started; only its place in line is lost."
    seconds = (datetime.now(UTC) - run["started_at"]).total_seconds()
    spent = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{max(seconds, 0):.0f} seconds"
    stage = f", at the stage {run['stage']}" if run["stage"] else ""
    return (
        f"The {run['step']} is {run['progress_percentage']:.0f} % done after {spent}{stage};"
        " the piece of work that is under way is lost; a retry goes on from what is finished."
    )
