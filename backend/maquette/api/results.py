"""What a call of a step answers: accepted, finished, or how the run failed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from maquette.api.calls import Call, Reuse
from maquette.api.links import download_link, with_links
from maquette.api.outlooks import POSITION, Ahead, told
from maquette.api.problems import status_of
from maquette.api.service import Service
from maquette.api.shapes import SIGNED, RunStatus, Step
from maquette.db import records
from maquette.db.rows import Row
from maquette.queue.forecast import Outlook

REUSED_BECAUSE = (
    "`idempotency_key`: a call with the same key within 24 hours made this run. `identical_work`: the same inputs, "
    "parameters, seed and versions of code and models; `?fresh=true` does it again. Null: the run is new."
)


ENGINE = (
    "What made the version: `name`, the `version` that it says it has, `command_sha256` of its command; where ours"
    " stood in for another, what was `asked` for and `because` of which error code."
)
MESH_ENGINE = "The same of the version's mesh, where another engine was asked for one."


class Accepted(Ahead):
    """The step is in line or at work: follow it at `Location`."""

    run_id: UUID
    project_id: UUID
    step: Step
    status: RunStatus = Field(examples=["queued"])
    reused: bool = Field(description="No new run was made: an earlier one answers this call.")
    reused_because: Reuse | None = Field(description=REUSED_BECAUSE)
    queue_position: int | None = Field(description=POSITION, examples=[1])
    progress_percentage: float = Field(description="0 to 100.", examples=[0])


class Finished(BaseModel):
    """What every finished step tells."""

    model_config = ConfigDict(protected_namespaces=())

    run_id: UUID
    project_id: UUID
    step: Step
    status: RunStatus = Field(examples=["completed"])
    reused: bool = Field(description="Nothing was done anew: this is the result of an earlier call.")
    reused_because: Reuse | None = Field(description=REUSED_BECAUSE)
    degraded: bool = Field(description="A named fallback was used; `warnings` says which and why.")
    warnings: list[dict[str, Any]]


class GenerateResult(Finished):
    """The first model of the uploaded photos."""

    version: int = Field(description="The model version that was made.")
    model_url: str | None = Field(description=SIGNED)
    preview_url: str | None = Field(description=SIGNED)
    views_generated: int
    depth_maps_generated: int
    photos_placed: int
    psnr: float | None = Field(description="Mean over the held-out views, dB.")
    ssim: float | None = Field(description="Mean over the held-out views.")
    inputs_measured: dict[str, float | None] | None = Field(
        None,
        description="Of six views with depth, which all teach: the model against them, `psnr` dB, `ssim`, `depth_mae`"
        " and `depth_rmse` in the depth renders' own numbers, 0 to 1. Null for photos.",
        examples=[None],
    )
    num_gaussians: int
    engine: dict[str, Any] | None = Field(None, description=ENGINE, examples=[{"name": "maquette", "version": "0.1.0"}])
    mesh_engine: dict[str, Any] | None = Field(None, description=MESH_ENGINE, examples=[None])


class RoundMetric(BaseModel):
    """The held-out quality after one round."""

    iteration: int
    version: int
    psnr: float | None = Field(description="dB")
    ssim: float | None
    overall_quality: float | None
    relative_gain: float | None


class RefineResult(Finished):
    """What the rounds of a refine came to."""

    iterations_completed: int
    converged: bool
    versions: list[int]
    final_version: int = Field(description="The newest version of the run, which later rounds would go on from.")
    promoted_version: int | None = Field(
        None, description="The project's chosen version now; null: it stayed as it was."
    )
    final_model_url: str | None = Field(description=SIGNED)
    metrics: list[RoundMetric]
    engine: dict[str, Any] | None = Field(None, description=ENGINE, examples=[{"name": "maquette", "version": "0.1.0"}])
    mesh_engine: dict[str, Any] | None = Field(None, description=MESH_ENGINE, examples=[None])


class ExportResult(Finished):
    """A file to take away."""

    version: int
    format: str
    download_url: str | None = Field(description=SIGNED)
    file_size_mb: float = Field(description="Millions of bytes.")
    bytes: int
    sha256: str
    measured_loss: dict[str, Any] | None = Field(
        None, description="What the file shows less than the model, on the same photos; null: nothing, or not measured."
    )


def accepted(call: Call, outlook: Outlook | None) -> JSONResponse:
    """202 with the run, what lies before it, and where to follow it."""
    run = call.run
    body = Accepted(
        run_id=run["id"],
        project_id=run["project_id"],
        step=run["step"],
        status=run["status"],
        reused=call.reuse is not None,
        reused_because=call.reuse,
        queue_position=call.position if outlook is None else outlook.position,
        progress_percentage=run["progress_percentage"],
        **told(outlook),
    )
    return JSONResponse(body.model_dump(mode="json"), 202, {"Location": f"/api/v1/runs/{run['id']}"})


async def ended(service: Service, run: Row, project_name: str, *, reuse: Reuse | None) -> JSONResponse:
    """200 with the result of a completed run, or the error of one that failed, under that error's own status."""
    headers = {"Location": f"/api/v1/runs/{run['id']}"}
    if run["status"] == "completed":
        result = await result_of(service, run, project_name, reuse=reuse, file_needed=True)
        return JSONResponse(result, 200, headers)
    error, status = error_of(run)
    return JSONResponse({"error": error}, status, headers)


def error_of(run: Row) -> tuple[dict[str, Any], int]:
    """How a run failed, in the wire shape, and the HTTP status that belongs to it."""
    if run["status"] == "cancelled":
        cancelled = {
            "code": "run_cancelled",
            "message": "The run was cancelled.",
            "details": {"run_id": str(run["id"])},
            "suggestion": f"Start it again with POST /api/v1/runs/{run['id']}/retry.",
        }
        return cancelled, 409
    told = run["error"] or {}
    error = {
        "code": told.get("code", "internal_error"),
        "message": told.get("message", "The step failed without saying why."),
        "details": {**(told.get("details") or {}), "run_id": str(run["id"])},
        "suggestion": told.get("suggestion") or f"Try again with POST /api/v1/runs/{run['id']}/retry.",
    }
    return error, status_of(told)


async def result_of(
    service: Service, run: Row, project_name: str, *, reuse: Reuse | None = None, file_needed: bool = False
) -> dict[str, Any]:
    """The result of a completed run with addresses signed now.

    ``file_needed``: whoever asks for an export came for its file, ``file_removed`` where that is gone.
    """
    told = run["result"]
    common = {
        "run_id": run["id"],
        "project_id": run["project_id"],
        "step": run["step"],
        "status": run["status"],
        "reused": reuse is not None,
        "reused_because": reuse,
        "degraded": run["degraded"],
        "warnings": run["warnings"],
    }
    shape: Finished
    if run["step"] == "generate":
        model = await _model(service, run["project_id"], told["version"])
        urls = {"model_url": model["model_url"], "preview_url": model["preview_url"]}
        shape = GenerateResult.model_validate({**told, **common, **urls})
    elif run["step"] == "refine":
        model = await _model(service, run["project_id"], told["final_version"])
        shape = RefineResult.model_validate({**told, **common, "final_model_url": model["model_url"]})
    elif run["step"] == "export":
        shape = ExportResult.model_validate(
            {**told, **common, **await _file(service, told, project_name, needed=file_needed)}
        )
    else:
        shape = Finished.model_validate(common)
    return shape.model_dump(mode="json")


async def _model(service: Service, project_id: UUID, version: int) -> dict[str, Any]:
    async with service.transaction() as conn:
        row = await records.model(conn, project_id, version)
    return (await with_links(service, [row]))[0]


async def _file(service: Service, told: dict[str, Any], project_name: str, *, needed: bool) -> dict[str, Any]:
    async with service.transaction() as conn:
        row = await records.export(conn, UUID(str(told["export_id"])))
    megabytes = round(row["bytes"] / 1e6, 3)
    if needed:
        again = "Make it again with POST /api/v1/export/{project_id}."
        records.still_there(row["objects"], {"file": f"This file of version {row['version']}"}, suggestion=again)
    elif row["objects"]["file"]["removed_at"] is not None:
        return {"download_url": None, "file_size_mb": megabytes}
    suffix = row["objects"]["file"]["path"].rpartition("/")[2].partition(".")[2]
    url = await download_link(service, row["objects"]["file"], f"{project_name} v{row['version']}.{suffix}")
    return {"download_url": url, "file_size_mb": megabytes}
