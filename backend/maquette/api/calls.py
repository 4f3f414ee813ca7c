"""Calling a step: checks, repeated calls, identical work, the run's row and its job, in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from maquette.api.capacity import check_capacity
from maquette.api.repeats import Keyed
from maquette.api.service import Service
from maquette.db import projects, queue, runs
from maquette.db.rows import Connection, Row
from maquette.execution.makers import makers
from maquette.queue.jobs import enqueue


@dataclass(frozen=True)
class Work:
    """What a step is to do, everything settled: versions are numbers, ``inputs`` are SHA-256s of what it reads and
    names of the weights it may use, with their revisions. ``workload`` and ``size``: what it is compared with to say
    how long it takes (:mod:`maquette.steps.workloads`).
    """

    parameters: dict[str, Any]
    inputs: tuple[str, ...]
    workload: str
    size: float


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
    keyed = Keyed.of(project_id, step, key, asked)
    async with service.transaction() as conn:
        # The lock lets two calls at the same moment see each other's run.
        project = await projects.get(conn, project_id, owner, lock=True)
        if keyed and (made := await keyed.made_before(conn)):
            return await _answered(conn, made, owner, "idempotency_key")
        work = await prepare(conn, project)
        identity = input_hash(step, work)
        same = None if fresh else await runs.identical(conn, project_id, identity)
        if same is not None:
            call = await _answered(conn, same["id"], owner, "identical_work")
        else:
            call = await _queue(service, conn, project, step, work, identity, key, fresh=fresh)
        if keyed:
            await keyed.keep(conn, project_id, call.run["id"])
        return call


async def call_again(service: Service, owner: UUID, run: Row, prepare: Prepare, *, key: str | None = None) -> Call:
    """A new run with the parameters of one that failed or was cancelled, or the one that the same key made.

    It goes on from what that one kept, unless photos, code or models have changed since. A second retry answers with
    the run that the first one made.
    """
    keyed = Keyed.of(run["id"], "retry", key)
    async with service.transaction() as conn:
        project = await projects.get(conn, run["project_id"], owner, lock=True)
        if keyed and (made := await keyed.made_before(conn)):
            return await _answered(conn, made, owner, "idempotency_key")
        successor = await runs.successor(conn, run)
        if successor is not None:
            call = await _answered(conn, successor, owner, "identical_work")
        else:
            work = await prepare(conn, project)
            identity = input_hash(run["step"], work)
            # Where photos or code have changed since, no later run goes on from this one, but one may do this work.
            same = await runs.identical(conn, run["project_id"], identity, since=run["queued_at"])
            if same is not None:
                call = await _answered(conn, same["id"], owner, "identical_work")
            else:
                call = await _queue(service, conn, project, run["step"], work, identity, key)
        if keyed:
            await keyed.keep(conn, run["project_id"], call.run["id"])
        return call


async def _answered(conn: Connection, run_id: UUID, owner: UUID, reuse: Reuse) -> Call:
    return Call(await runs.get(conn, run_id, owner), reuse, await queue.position(conn, run_id))


def input_hash(step: str, work: Work) -> str:
    """SHA-256 over all that decides the result: step, versions of code and models, parameters with seed, inputs."""
    whole = {"step": step, "made_by": makers(step), "parameters": work.parameters, "inputs": sorted(work.inputs)}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


async def _queue(
    service: Service,
    conn: Connection,
    project: Row,
    step: str,
    work: Work,
    identity: str,
    key: str | None,
    *,
    fresh: bool = False,
) -> Call:
    project_id, made_by = project["id"], makers(step)
    await check_capacity(service, conn, project["owner_id"], project_id, step)
    if key:
        await runs.free_key(conn, project_id, step, key)
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
        workload=work.workload,
        size=work.size,
        continues_id=None if fresh else await runs.to_continue(conn, project_id, identity),
    )
    await enqueue(conn, run)
    return Call(run, None, await queue.position(conn, run["id"]))
