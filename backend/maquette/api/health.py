"""Whether everything is there: answers within two seconds whatever is broken, without credentials or secrets."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import psycopg
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from maquette import __version__
from maquette.api.limits import Limits, limits_of
from maquette.api.problems import error_responses
from maquette.api.service import Service, Serving
from maquette.disk import MB, free_bytes
from maquette.errors import MaquetteError
from maquette.queue.jobs import workers_alive
from maquette.recon.cuda import available
from maquette.storage.buckets import BUCKETS

router = APIRouter(tags=["status"])

PATIENCE_S = 1.5


class Part(BaseModel):
    """One thing that is needed."""

    ok: bool
    message: str = Field(description="What is wrong and what to do; empty when nothing is.")
    latency_ms: float | None = None


class Machine(BaseModel):
    """The computer this API runs on; null where the system does not tell."""

    cpu_count: int
    memory_total_bytes: int | None
    memory_available_bytes: int | None
    disk_free_bytes: int | None
    gpu: str = Field(description="Name of the GPU that a worker on this machine trains on, or `none`.")


class Health(BaseModel):
    """`unavailable` (503): nothing works; `degraded`: something is missing, its message says what."""

    status: Literal["ok", "degraded", "unavailable"]
    version: str
    database: Part
    storage: Part
    worker: Part
    disk: Part
    machine: Machine
    limits: Limits
    models: list[str] = Field(description="Neural models that are configured; every step works without any.")


@router.get(
    "/health",
    response_model=Health,
    summary="Whether everything is there",
    responses={503: {"model": Health, "description": "The database does not answer."}, 500: error_responses()[500]},
)
async def read_health(service: Serving, response: Response) -> Health:
    """Needs no credentials."""
    database, storage, worker = await asyncio.gather(
        _timed(lambda: _database(service), "The database does not answer. Start it, or check DATABASE_URL."),
        _timed(lambda: _storage(service), "Storage does not answer. Check SUPABASE_URL and its key."),
        _timed(lambda: _worker(service), "Whether a worker runs is unknown: the database does not answer."),
    )
    machine = await asyncio.to_thread(_machine, service.settings.home)
    disk = _disk(machine.disk_free_bytes, service.settings.disk_floor_mb)
    parts = (database, storage, worker, disk)
    status: Literal["ok", "degraded", "unavailable"] = "ok" if all(part.ok for part in parts) else "degraded"
    if not database.ok:
        status, response.status_code = "unavailable", 503
    return Health(
        status=status,
        version=__version__,
        database=database,
        storage=storage,
        worker=worker,
        disk=disk,
        machine=machine,
        limits=limits_of(service.settings),
        models=[],
    )


async def _timed(check: Callable[[], Awaitable[str]], unanswered: str) -> Part:
    """A check's complaint ('' for none); what broke it stays out of an answer that everybody may read."""
    began = time.monotonic()
    try:
        complaint = await asyncio.wait_for(check(), PATIENCE_S)
    except (TimeoutError, OSError, psycopg.Error, MaquetteError):
        return Part(ok=False, message=unanswered)
    return Part(ok=not complaint, message=complaint, latency_ms=round((time.monotonic() - began) * 1e3, 1))


async def _database(service: Service) -> str:
    async with service.pool.connection(timeout=PATIENCE_S) as conn:
        found = await (await conn.execute("select to_regclass('public.runs') is not null as migrated")).fetchone()
    return "" if found and found["migrated"] else "The tables are missing. Run `maquette db migrate`."


async def _storage(service: Service) -> str:
    missing = sorted(set(BUCKETS) - await service.objects.bucket_names())
    return f"Buckets are missing: {', '.join(missing)}. Run `maquette db migrate`." if missing else ""


async def _worker(service: Service) -> str:
    async with service.pool.connection(timeout=PATIENCE_S) as conn:
        alive = await workers_alive(conn)
    return "" if alive else "No worker runs, so steps wait in line. Start `maquette worker`."


def _disk(free: int | None, floor_mb: int) -> Part:
    low = free is not None and free < floor_mb * MB
    message = f"Less than {floor_mb} MB of disk are free: nothing new begins. Delete projects or make room."
    return Part(ok=not low, message=message if low else "")


def _machine(home: Path) -> Machine:
    gpu = available()
    return Machine(
        cpu_count=os.cpu_count() or 1,
        memory_total_bytes=_pages("SC_PHYS_PAGES"),
        memory_available_bytes=_pages("SC_AVPHYS_PAGES"),
        disk_free_bytes=free_bytes(home),
        gpu=gpu.name if gpu.usable and gpu.name else "none",
    )


def _pages(name: str) -> int | None:
    names: dict[str, Any] = os.sysconf_names
    return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE") if name in names else None
