"""The long steps: generate, refine and export."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request
from fastapi.responses import JSONResponse

from maquette.api import readiness
from maquette.api.calls import Call, Prepare, call_step
from maquette.api.dry_runs import DryRun, Rehearsal, rehearse
from maquette.api.export_query import AskedExport
from maquette.api.owners import Owner
from maquette.api.paths import ProjectId
from maquette.api.problems import error_responses
from maquette.api.rates import limited
from maquette.api.repeats import IdempotencyKey
from maquette.api.results import Accepted, ExportResult, GenerateResult, RefineResult, accepted, ended
from maquette.api.service import Service, Serving
from maquette.api.waiting import Wait, wait_for_end
from maquette.db import projects, runs
from maquette.queue.forecast import look_ahead
from maquette.steps.parameters import ExportParameters, GenerateParameters, RefineParameters

router = APIRouter(tags=["steps"])

GENERATE, REFINE, EXPORT = GenerateParameters(), RefineParameters(), ExportParameters()

Fresh = Annotated[
    bool,
    Query(
        description="Do the work again even where identical work is done or in line. Default: false.", examples=[False]
    ),
]

GENERATE_EXAMPLES: dict[str, Any] = {
    "as most people do": {"value": {"preset": "balanced", "seed": 0}},
    "everything set": {
        "value": {"preset": "quality", "seed": 7, "iterations": 3000, "max_gaussians": 200000, "long_side": 800}
    },
    "by another program": {"value": {"engine": "3dgs", "engine_fallback": True}},
    "one photo": {"value": {"preset": "balanced", "num_views": 16, "view_method": "relief"}},
}
REFINE_EXAMPLES: dict[str, Any] = {
    "as most people do": {"value": {"num_iterations": 3, "learning_rate": 0.01, "convergence_threshold": 0.01}},
    "everything set": {
        "value": {
            "num_iterations": 5,
            "learning_rate": 0.02,
            "views_to_refine": [1, 2, 3],
            "from_version": 0,
            "convergence_threshold": 0,
            "steps_per_iteration": 500,
            "enhancement": "sdxl",
            "prompt": "a stone fountain in a garden",
            "negative_prompt": "blur, fog",
            "strength": 0.3,
            "enhancement_steps": 30,
            "guidance": 5.0,
            "seed": 7,
        }
    },
    "by another program": {"value": {"engine": "lm", "engine_fallback": True}},
}
EXPORT_EXAMPLES: dict[str, Any] = {
    "the chosen version": {"value": {"format": "ply"}},
    "a textured mesh, upright on the ground": {"value": {"format": "glb", "origin": "ground"}},
    "the whole project, without intermediates": {"value": {"format": "bundle", "light": True}},
    "everything set": {
        "value": {
            "format": "spz",
            "version": 0,
            "preset": "balanced",
            "filter_floaters": True,
            "optimize": True,
            "up_axis": "z",
            "scale": 0.5,
            "origin": "center",
            "crop": [-1, -1, -1, 1, 1, 1],
        }
    },
}


def _answers(result: Any, *statuses: int) -> dict[int | str, dict[str, Any]]:
    location = {"Location": {"description": "Where to follow the run.", "schema": {"type": "string"}}}
    return {
        200: {"model": result, "description": "Finished: after `wait`, or identical work done before (`reused`)."},
        202: {"model": Accepted, "description": "In line or at work.", "headers": location},
        **error_responses(404, 409, 410, *statuses),
    }


@router.post(
    "/generate/{project_id}",
    status_code=202,
    response_model=None,
    summary="Views, depth, cameras and the first model",
    responses=_answers(GenerateResult | Rehearsal, 413, 429),
    dependencies=[Depends(limited("generates"))],
)
async def generate(
    request: Request,
    service: Serving,
    owner: Owner,
    project_id: ProjectId,
    parameters: Annotated[GenerateParameters, Body(openapi_examples=GENERATE_EXAMPLES)] = GENERATE,
    wait: Wait = 0,
    fresh: Fresh = False,
    dry_run: DryRun = False,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Needs usable photos, at least the `min_photos` of `GET /health`: 3, unless the server is set otherwise; or a
    single one, of which views are made (`num_views`, `view_method`); or six views with their depth.

    `409 no_photos` before an upload; `422 not_enough_photos`; `422 too_many_gaussians` beyond the server's limit; `422
    engine_unavailable` where the server is not set up for the `engine`.
    A run that fails answers with its own error and status when it was waited for.
    """
    prepare = readiness.for_generate(parameters, service.settings)
    if dry_run:
        return await rehearse(
            service, owner, project_id, "generate", parameters, prepare, key=idempotency_key, fresh=fresh
        )
    call = await call_step(
        service, owner, project_id, "generate", parameters, prepare, key=idempotency_key, fresh=fresh
    )
    return await answer_call(service, owner, call, wait, request)


@router.post(
    "/refine/{project_id}",
    status_code=202,
    response_model=None,
    summary="Further rounds from a stored version",
    responses=_answers(RefineResult | Rehearsal, 413, 429),
    dependencies=[Depends(limited("generates"))],
)
async def refine(
    request: Request,
    service: Serving,
    owner: Owner,
    project_id: ProjectId,
    parameters: Annotated[RefineParameters, Body(openapi_examples=REFINE_EXAMPLES)] = REFINE,
    wait: Wait = 0,
    fresh: Fresh = False,
    dry_run: DryRun = False,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Begins with `from_version`, or with the promoted version; every round makes a version of its own.

    `409 nothing_generated` before a generate; `404 version_not_found`; `410 file_removed` where retention has taken
    what this version would be refined from, which the promoted one and the newest keep; `422 unknown_views` or
    `held_out_views` where `views_to_refine` names views that cannot be optimised against; `422 engine_unavailable`.
    """
    prepare = readiness.for_refine(parameters, service.settings)
    if dry_run:
        return await rehearse(
            service, owner, project_id, "refine", parameters, prepare, key=idempotency_key, fresh=fresh
        )
    call = await call_step(service, owner, project_id, "refine", parameters, prepare, key=idempotency_key, fresh=fresh)
    return await answer_call(service, owner, call, wait, request)


@router.post(
    "/export/{project_id}",
    status_code=202,
    response_model=None,
    summary="A file to take away",
    responses=_answers(ExportResult | Rehearsal, 413),
)
async def export(
    request: Request,
    service: Serving,
    owner: Owner,
    project_id: ProjectId,
    parameters: Annotated[ExportParameters, Body(openapi_examples=EXPORT_EXAMPLES)] = EXPORT,
    wait: Wait = 0,
    fresh: Fresh = False,
    dry_run: DryRun = False,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Of the promoted version, or of `version`.

    A mesh is made by the first export that needs it, which takes minutes, and used by all others of its version and
    preset. `422 unknown_format` lists the formats there are; `422 nothing_to_optimize`, `no_option_of_format`;
    `409 nothing_generated` before a generate; `404 version_not_found`; `410 file_removed`.
    """
    prepare: Prepare = await readiness.for_export(parameters, service.settings)
    if dry_run:
        return await rehearse(
            service, owner, project_id, "export", parameters, prepare, key=idempotency_key, fresh=fresh
        )
    call = await call_step(service, owner, project_id, "export", parameters, prepare, key=idempotency_key, fresh=fresh)
    return await answer_call(service, owner, call, wait, request)


@router.get(
    "/export/{project_id}",
    response_model=None,
    summary="The file that exists, or a new one",
    responses=_answers(ExportResult, 413),
)
async def read_export(
    request: Request,
    service: Serving,
    owner: Owner,
    project_id: ProjectId,
    parameters: AskedExport,
    wait: Wait = 20,
) -> JSONResponse:
    """Answers at once with a file made before; otherwise makes it, waiting 20 seconds for it by default."""
    prepare: Prepare = await readiness.for_export(parameters, service.settings)
    call = await call_step(service, owner, project_id, "export", parameters, prepare)
    return await answer_call(service, owner, call, wait, request)


async def answer_call(service: Service, owner: UUID, call: Call, wait_s: float, request: Request) -> JSONResponse:
    """The finished result where there is one in time, else where to follow the run."""
    call = await wait_for_end(service, owner, call, wait_s, request)
    if call.run["status"] not in runs.FINAL:
        async with service.transaction() as conn:
            return accepted(call, (await look_ahead(conn)).outlooks.get(call.run["id"]))
    async with service.transaction() as conn:
        project = await projects.get(conn, call.run["project_id"], owner)
    return await ended(service, call.run, project["name"], reuse=call.reuse)
