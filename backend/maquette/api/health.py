"""How the service is: answers 200 within a second whatever is broken, without credentials or secrets.

It is what a supervisor asks to learn whether this process lives: one that answers is not helped by a restart while the
database is away. Whether it should be sent calls is :mod:`maquette.api.ready`.
"""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from maquette import __version__
from maquette.api.hardware import Machine, look_in_time
from maquette.api.limits import Limits, limits_of
from maquette.api.parts import Part, look_at_parts
from maquette.api.problems import error_responses
from maquette.api.service import Serving
from maquette.db.rows import Row
from maquette.disk import MB
from maquette.execution.engines import setups_of
from maquette.models.installed import read_weights
from maquette.settings import Settings
from maquette.steps.engines import ENGINES, Engine
from maquette.steps.engines.engine import Setup

router = APIRouter(tags=["status"])

PATIENCE_S = 0.8
"""Orchestrators give a probe one second unless told otherwise."""


class WorkerSummary(BaseModel):
    """One worker process, wherever it runs."""

    queues: list[str] = Field(description="What it takes steps from.", examples=[["gpu", "cpu"]])
    concurrency: int = Field(description="Steps it carries out at the same time.", examples=[1])
    gpu: str | None = Field(description="Name of the GPU it trains on.", examples=["NVIDIA H200"])
    gpu_memory_bytes: int | None = Field(examples=[150_323_855_360])
    memory_bytes: int | None = Field(examples=[137_438_953_472])
    version: str = Field(description="Of the Maquette it runs.", examples=["0.1.0"])


class EngineState(BaseModel):
    """A program besides Maquette's own that can do a stage."""

    name: str = Field(description="What `engine`, or of a compressor `format`, is called with.", examples=["3dgs"])
    makes: str = Field(description="`model`, `mesh` or `compressed`, which is an export format.", examples=["model"])
    steps: list[str] = Field(description="Where it can be asked for.", examples=[["generate"]])
    description: str
    available: bool = Field(description="Set up on this machine; workers are taken to have the same.")
    reason: str | None = Field(description="Why it is not.", examples=["GS_3DGS_DOCKER_IMAGE is not set."])


class Health(BaseModel):
    """`unavailable`: the database is away, so nothing works; `degraded`: something is missing, its message says
    what."""

    status: Literal["ok", "degraded", "unavailable"] = Field(examples=["ok"])
    version: str = Field(examples=["0.1.0"])
    database: Part
    storage: Part
    worker: Part
    disk: Part
    machine: Machine
    workers: list[WorkerSummary] = Field(description="Workers that live, on all machines.")
    limits: Limits
    models: list[str] = Field(
        description="Neural models that steps on this machine can use; every step works without any.",
        examples=[["depth-anything-v2-small"]],
    )
    engines: list[EngineState] = Field(description="Other programs that stages can be done by (docs/engines.md).")


@router.get(
    "/health",
    response_model=Health,
    summary="How the service is",
    responses={500: error_responses()[500]},
)
async def read_health(service: Serving) -> Health:
    """Always 200 while this process lives; needs no credentials. `GET /ready` answers 503 where calls would fail."""
    settings = service.settings
    unknown: list[str] = []
    no_setups: dict[str, Setup] = {}
    parts, machine, models, setups = await asyncio.gather(
        look_at_parts(service, PATIENCE_S),
        service.hardware.look(settings.home, PATIENCE_S),
        look_in_time(lambda: _models(settings), PATIENCE_S, unknown),
        look_in_time(lambda: setups_of(settings), PATIENCE_S, no_setups),
    )
    disk = _disk(machine.disk_free_bytes, settings.disk_floor_mb)
    status: Literal["ok", "degraded", "unavailable"] = "degraded"
    if not parts.database.ok:
        status = "unavailable"
    elif parts.storage.ok and parts.worker.ok and disk.ok:
        status = "ok"
    return Health(
        status=status,
        version=__version__,
        database=parts.database,
        storage=parts.storage,
        worker=parts.worker,
        disk=disk,
        machine=machine,
        workers=[_summary(row) for row in parts.workers],
        limits=limits_of(settings, credentials=service.gate.asks),
        models=models,
        engines=[_engine(engine, setups.get(engine.name)) for engine in ENGINES],
    )


def _engine(engine: Engine, setup: Setup | None) -> EngineState:
    return EngineState(
        name=engine.name,
        makes=engine.makes,
        steps=list(engine.steps),
        description=engine.description,
        available=setup is not None and setup.available,
        reason="not known yet" if setup is None else setup.reason,
    )


def _summary(worker: Row) -> WorkerSummary:
    # Hosts and process ids are nobody's business here.
    return WorkerSummary(
        queues=worker["queues"],
        concurrency=worker["concurrency"],
        gpu=worker["gpu_name"],
        gpu_memory_bytes=worker["gpu_memory_bytes"],
        memory_bytes=worker["memory_bytes"],
        version=worker["code_version"],
    )


def _models(settings: Settings) -> list[str]:
    weights = read_weights(
        settings.models_folder,
        allow_noncommercial=settings.allow_noncommercial_models,
        trust_code=settings.trust_model_code,
    )
    return sorted(weights.models)


def _disk(free: int | None, floor_mb: int) -> Part:
    low = free is not None and free < floor_mb * MB
    message = f"Less than {floor_mb} MB of disk are free: nothing new begins. Delete projects or make room."
    return Part(ok=not low, message=message if low else "")
