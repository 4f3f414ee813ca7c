"""The things that the service needs, each looked at for a moment: for health, which tells, and ready, which decides."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from pydantic import BaseModel, Field

from maquette.api.deadlines import within
from maquette.api.service import Service
from maquette.db import workers
from maquette.db.migrated import missing_migrations
from maquette.db.rows import Row
from maquette.errors import MaquetteError
from maquette.storage.buckets import BUCKETS


class Part(BaseModel):
    """One thing that is needed."""

    ok: bool = Field(examples=[True])
    message: str = Field(description="What is wrong and what to do; empty when nothing is.", examples=[""])
    latency_ms: float | None = Field(None, description="How long it took to answer.", examples=[3.4])


@dataclass(frozen=True)
class Parts:
    """What was found. ``workers``: the living ones' rows, none where the database does not tell."""

    database: Part
    storage: Part
    worker: Part
    workers: list[Row]


async def look_at_parts(service: Service, patience_s: float) -> Parts:
    """All of them at once; one that does not answer within ``patience_s`` counts as broken."""
    living: list[Row] = []

    async def database() -> str:
        async with service.pool.connection(timeout=patience_s) as conn:
            return _lacking(await missing_migrations(conn))

    async def storage() -> str:
        missing = sorted(set(BUCKETS) - await service.objects.bucket_names())
        return f"Buckets are missing: {', '.join(missing)}. Run `maquette db migrate`." if missing else ""

    async def worker() -> str:
        async with service.pool.connection(timeout=patience_s) as conn:
            living.extend(await workers.alive(conn))
            unserved = await workers.unserved_queues(conn)
        return _unserved(living, unserved)

    checks: Mapping[str, tuple[Callable[[], Coroutine[Any, Any, str]], str]] = {
        "database": (database, "The database does not answer. Start it, or check DATABASE_URL."),
        "storage": (storage, "Storage does not answer. Check SUPABASE_URL and its key."),
        "worker": (worker, "Whether a worker runs is unknown: the database does not answer."),
    }
    found = await asyncio.gather(*(_timed(check, unanswered, patience_s) for check, unanswered in checks.values()))
    parts = dict(zip(checks, found, strict=True))
    return Parts(**parts, workers=living if parts["worker"].latency_ms is not None else [])


async def _timed(check: Callable[[], Coroutine[Any, Any, str]], unanswered: str, patience_s: float) -> Part:
    """A check's complaint ('' for none); what broke it stays out of an answer that everybody may read."""
    began = time.monotonic()
    try:
        complaint = await within(check(), patience_s)
    except (TimeoutError, OSError, psycopg.Error, MaquetteError):
        return Part(ok=False, message=unanswered)
    return Part(ok=not complaint, message=complaint, latency_ms=round((time.monotonic() - began) * 1e3, 1))


def _lacking(migrations: list[str] | None) -> str:
    if migrations is None:
        return "The tables are missing. Run `maquette db migrate`."
    if migrations:
        return f"The tables are of an older Maquette: {', '.join(migrations)} missing. Run `maquette db migrate`."
    return ""


def _unserved(living: list[Row], queues: list[str]) -> str:
    if not living:
        return "No worker runs, so steps wait in line. Start `maquette worker`."
    if queues:
        names = ",".join(queues)
        return f"Steps wait that no worker takes. Start one with `maquette worker --queues {names}`."
    return ""
