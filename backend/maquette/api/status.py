"""How far a project is: its steps, the run at work with an estimate, versions and rounds."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from maquette.api.limits import Limits, limits_of
from maquette.api.outlooks import POSITION, Ahead, told
from maquette.api.owners import Owner
from maquette.api.paths import ProjectId
from maquette.api.problems import error_responses
from maquette.api.results import error_of
from maquette.api.service import Service, Serving
from maquette.api.shapes import (
    CLASSED,
    STALE,
    ExpectedQuality,
    Iteration,
    Project,
    QualityClass,
    ReplacedPhoto,
    RunStatus,
    Step,
)
from maquette.db import status
from maquette.db.history import expect
from maquette.db.rows import Connection, Row
from maquette.queue.forecast import Outlook, look_ahead, time_left

router = APIRouter(tags=["status"])

StepState = Literal["pending", "queued", "running", "completed", "failed"]
MOST_LISTED = 500


class PipelineProgress(BaseModel):
    """Each step by its newest run; a cancelled one counts as if it had not been called."""

    upload: StepState
    generate: StepState
    refine: StepState
    export: StepState


class CurrentRun(Ahead):
    """The run at work, or the first in line."""

    run_id: UUID
    step: Step
    status: RunStatus
    stage: str | None
    progress_percentage: float = Field(description="0 to 100.")
    message: str
    queue_position: int | None = Field(description=POSITION, examples=[1])
    queued_at: datetime
    started_at: datetime | None
    elapsed_s: float | None
    cancel_requested: bool


class ModelSummary(BaseModel):
    """One version in short."""

    version: int
    parent_version: int | None
    method: str
    promoted: bool
    num_gaussians: int
    psnr: float | None = Field(description="Mean over the held-out views, dB.")
    ssim: float | None
    overall_quality: float | None
    quality_class: QualityClass | None = Field(description=CLASSED)
    stale: bool = Field(description=STALE)
    stale_because: list[ReplacedPhoto]


class IterationSummary(Iteration):
    """A refine round with the held-out quality of its version."""

    psnr: float | None
    ssim: float | None


class Usage(BaseModel):
    """What a project uses of its limits; those of the whole server stand in `GET /health`."""

    photos: int = Field(description="Usable photos.", examples=[24])
    max_photos: int = Field(description="Usable photos that it may hold.", examples=[200])
    stored_bytes: int = Field(description="Of all its stored objects.", examples=[310_000_000])
    max_stored_bytes: int | None = Field(
        description="That these may have before uploads and steps are refused; null: no limit.",
        examples=[50_000_000_000],
    )


class Status(BaseModel):
    """All that a progress page shows."""

    model_config = ConfigDict(extra="ignore")

    project: Project
    pipeline_progress: PipelineProgress
    current_run: CurrentRun | None
    waiting_runs: int = Field(description="Runs of this project that wait behind the current one.")
    images: int
    usable_images: int
    usage: Usage
    models: list[ModelSummary]
    iterations: list[IterationSummary]
    expected_quality: ExpectedQuality
    stale: bool = Field(description=f"Of the promoted version. {STALE}")
    stale_because: list[ReplacedPhoto]
    last_error: dict[str, Any] | None = Field(description="How the newest finished run failed; null when it did not.")
    event_seq: int = Field(description="The newest event: follow on with GET /projects/{id}/events?after=…")


@router.get(
    "/status/{project_id}", response_model=Status, summary="How far a project is", responses=error_responses(404)
)
async def read_status(service: Serving, owner: Owner, project_id: ProjectId) -> dict[str, Any]:
    """The project, each step's state, the current run with stage, percent and estimate, versions and rounds."""
    return await snapshot(service, owner, project_id)


async def snapshot(service: Service, owner: UUID, project_id: UUID) -> dict[str, Any]:
    """The answer of `GET /status`, as of one moment."""
    async with service.statement() as conn:
        found = await status.read(conn, project_id, owner, most=MOST_LISTED)
        outlook = await _outlook(conn, found["current"]) if found["current"] else None
    steps = {run["step"]: run for run in found["steps"]}
    current, last = found["current"], found["last"]
    return {
        "project": found["project"],
        "pipeline_progress": {step: _state(steps.get(step)) for step in PipelineProgress.model_fields},
        "current_run": _current(current, outlook) if current else None,
        "waiting_runs": max(found["unfinished"] - 1, 0),
        "images": found["images"],
        "usable_images": found["usable_images"],
        "usage": _usage(found, limits_of(service.settings, credentials=service.gate.asks)),
        "models": found["models"],
        "iterations": found["iterations"],
        "expected_quality": found["expected_quality"],
        "stale": bool(found["stale_chosen"]),
        "stale_because": [photo for model in found["stale_chosen"] for photo in model["stale_because"]],
        "last_error": error_of(last)[0] if last and last["status"] == "failed" else None,
        "event_seq": found["project"]["event_seq"],
    }


def _usage(found: Row, limits: Limits) -> dict[str, Any]:
    return {
        "photos": found["usable_images"],
        "max_photos": limits.max_photos,
        "stored_bytes": found["stored_bytes"],
        "max_stored_bytes": limits.max_project_bytes,
    }


def _state(run: Row | None) -> StepState:
    if run is None:
        return "pending"
    if run["status"] == "cancelled":
        return "completed" if run["ever_completed"] else "pending"
    state: StepState = run["status"]
    return state


async def _outlook(conn: Connection, run: Row) -> Outlook | None:
    """Of a run at work by what the status has read already; one that waits depends on all that is before it."""
    if run["status"] == "running":
        return Outlook(0, None, time_left(run, expect(run["history"], run["size"])))
    return (await look_ahead(conn)).outlooks.get(UUID(run["id"]))


def _current(run: Row, outlook: Outlook | None) -> dict[str, Any]:
    elapsed_s = run["elapsed_s"]
    return {
        **run,
        "run_id": run["id"],
        "queue_position": run["position"],
        "elapsed_s": round(elapsed_s, 1) if elapsed_s is not None else None,
        **told(outlook),
    }
