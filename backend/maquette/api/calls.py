"""Calling a step: checks, repeated calls, identical work, the run's row and its job, in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Header
from pydantic import BaseModel

from maquette.api.service import Service
from maquette.db import projects, runs
from maquette.db.rows import Connection, Row
from maquette.errors import WrongStateError
from maquette.execution.makers import makers
from maquette.queue.jobs import enqueue

KEY_LIFETIME = timedelta(hours=24)


class IdempotencyKeyReusedError(WrongStateError):
    """The same key came with other parameters."""

    code = "idempotency_key_reused"


@dataclass(frozen=True)
class Work:
    """What a step is to do, everything settled: versions are numbers, ``inputs`` are SHA-256s of what it reads."""

    parameters: dict[str, Any]
    inputs: tuple[str, ...]


Reuse = Literal["idempotency_key", "identical_work"]
"""A call with the same Idempotency-Key made the run, or it did, or is about to do, identical work."""

Prepare = Callable[[Connection, Row], Awaitable[Work]]
"""Checks that the project is ready for the step and settles what is to be done."""


@dataclass(frozen=True)
class Call:
    """A run that answers a call; ``reuse``: why it is not a new one."""

    run: Row
    reuse: Reuse | None
    position: int | None


IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text without spaces, up to 200 characters. A repeated call with the same key and body within "
        "24 hours answers with the run of the first one; with another body it is refused. Default: none.",
        examples=["5b1c7f0e-generate-1"],
    ),
]


async def call_step(
    service: Service,
    owner: UUID,
    project_id: UUID,
    step: str,
    asked: BaseModel,
    prepare: Prepare,
    *,
    key: str | None = None,
    fresh: bool = False,
) -> Call:
    """Answer with a run: the one that the same key made, one of identical work, or a new one in the queue."""
    async with service.transaction() as conn:
        # The lock lets two calls at the same moment see each other's run.
        project = await projects.get(conn, project_id, owner, lock=True)
        earlier = await _with_key(conn, project_id, step, key, asked) if key else None
        if earlier is not None:
            return Call(earlier, "idempotency_key", await runs.position(conn, earlier["id"]))
        work = await prepare(conn, project)
        identity = input_hash(step, work)
        if not fresh:
            same = await runs.identical(conn, project_id, identity)
            if same is not None:
                if key:
                    await runs.lend_idempotency_key(conn, same["id"], key, within=KEY_LIFETIME)
                return Call(same, "identical_work", await runs.position(conn, same["id"]))
        return await _queue(conn, project_id, step, work, identity, key)


async def call_again(service: Service, owner: UUID, run: Row, prepare: Prepare) -> Call:
    """A new run with the parameters of one that failed or was cancelled."""
    async with service.transaction() as conn:
        project = await projects.get(conn, run["project_id"], owner, lock=True)
        work = await prepare(conn, project)
        return await _queue(conn, run["project_id"], run["step"], work, input_hash(run["step"], work), None)


def input_hash(step: str, work: Work) -> str:
    """SHA-256 over all that decides the result: step, versions of code and models, parameters with seed, inputs."""
    whole = {"step": step, "made_by": makers(step), "parameters": work.parameters, "inputs": sorted(work.inputs)}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


async def _queue(conn: Connection, project_id: UUID, step: str, work: Work, identity: str, key: str | None) -> Call:
    made_by = makers(step)
    run = await runs.create(
        conn,
        project_id,
        step,
        parameters=work.parameters,
        seed=work.parameters.get("seed", 0),
        code_version=made_by["maquette"],
        model_versions=made_by,
        input_hash=identity,
        idempotency_key=key,
    )
    await enqueue(conn, run)
    return Call(run, None, await runs.position(conn, run["id"]))


async def _with_key(conn: Connection, project_id: UUID, step: str, key: str, asked: BaseModel) -> Row | None:
    earlier = await runs.with_idempotency_key(conn, project_id, step, key)
    if earlier is None:
        return None
    if earlier["queued_at"] < datetime.now(UTC) - KEY_LIFETIME:
        await runs.release_idempotency_key(conn, earlier["id"])
        return None
    # The run holds settled parameters. A version that was not named then stands there as a number, so a version that
    # is not named now says nothing.
    given = asked.model_dump(mode="json")
    unsettled = {name for name in ("version", "from_version") if name in given and given[name] is None}
    differing = sorted(
        name for name, value in given.items() if name not in unsettled and earlier["parameters"].get(name) != value
    )
    if differing:
        raise key_reused(earlier, differing)
    return earlier


def key_reused(run: Row, differing: list[str]) -> IdempotencyKeyReusedError:
    """The key belongs to a run of another call."""
    return IdempotencyKeyReusedError(
        f"This Idempotency-Key was used before with another {' and '.join(differing)}.",
        suggestion="Repeat the call with the same body, or use a new key for new work.",
        run_id=str(run["id"]),
        differing=differing,
    )
