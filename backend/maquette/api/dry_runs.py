"""What a call of a step would do, without doing any of it: for a page that asks before it spends an hour."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from maquette.api.calls import Prepare, Work, input_hash
from maquette.api.capacity import capacity_problems
from maquette.api.outlooks import Ahead, told
from maquette.api.problems import ErrorBody
from maquette.api.repeats import Keyed
from maquette.api.service import Service
from maquette.api.shapes import RunStatus, Step
from maquette.db import history, projects, records, runs
from maquette.db.history import Expected, expect
from maquette.db.rows import Connection, Row
from maquette.queue.forecast import look_ahead
from maquette.queue.turns import allot_turn, choose_queue
from maquette.steps.stages import STAGES

DryRun = Annotated[
    bool,
    Query(
        description="Do nothing, and answer 200 with what would be done: what is reused, when it would start, how long"
        " it takes and how much it stores. `wait` counts for nothing then. Default: false.",
        examples=[True],
    ),
]
Because = Literal["idempotency_key", "identical_work", "unfinished_work"]


class Reused(BaseModel):
    """An earlier run that the call would be answered with, or would go on from."""

    run_id: UUID
    status: RunStatus = Field(examples=["completed"])
    because: Because = Field(
        description="`idempotency_key` and `identical_work`: that run answers the call. `unfinished_work`: a new run"
        " goes on from what that one finished before it failed or was cancelled.",
        examples=["identical_work"],
    )
    note: str = Field(description="The same as a sentence.", examples=["Identical work is done already."])


class Present(BaseModel):
    """What the project has already."""

    photos: int = Field(examples=[12])
    usable_photos: int = Field(description="Those that were not rejected.", examples=[11])
    versions: list[int] = Field(description="Model versions.", examples=[[0, 1]])


class Place(Ahead):
    """Where in line the run would be; `eta_s` counts from now to its end."""

    name: Literal["cpu", "gpu"] = Field(description="Which workers may take it.", examples=["cpu"])
    position: int = Field(description="From 1, other people's runs counted.", examples=[3])


class Cost(BaseModel):
    """What the whole work takes once it has started, by earlier runs of this installation; null: no history yet."""

    seconds_p50: float | None = Field(description="As often more as less.", examples=[131.0])
    seconds_p90: float | None = Field(description="Nine times in ten no more; null under 3 samples.", examples=[180.5])
    bytes: int | None = Field(description="That it would store: the median.", examples=[48_000_000])
    peak_memory_mb: float | None = Field(description="Nine times in ten no more, MiB.", examples=[812.5])
    samples: int = Field(description="Earlier runs that this rests on.", examples=[12])
    note: str = Field(
        description="How they were chosen.", examples=["by 12 earlier runs of the same kind and size", "no history yet"]
    )


class Rehearsal(BaseModel):
    """What the same call without `dry_run` would do now."""

    step: Step
    dry_run: Literal[True] = True
    would_run: bool = Field(description="A new run would be made: nothing answers the call yet and no limit is hit.")
    reuses: Reused | None
    stages: list[str] = Field(
        description="Stages that a run of the step goes through.", examples=[["writing", "checking"]]
    )
    parameters: dict[str, Any] = Field(description="With every default and version settled.")
    present: Present
    queue: Place | None = Field(description="Null where no new run would be made for want of one.")
    expected: Cost
    problems: list[ErrorBody] = Field(description="Limits that would refuse a new run now.")


async def rehearse(
    service: Service,
    owner: UUID,
    project_id: UUID,
    step: Step,
    asked: BaseModel,
    prepare: Prepare,
    *,
    key: str | None = None,
    fresh: bool = False,
) -> JSONResponse:
    """What :func:`maquette.api.calls.call_step` would do with the same arguments, and the same errors."""
    keyed = Keyed.of(project_id, step, key, asked)
    async with service.transaction() as conn:
        await conn.execute("set transaction read only")
        project = await projects.get(conn, project_id, owner)
        made = await keyed.made_before(conn) if keyed else None
        work = await prepare(conn, project)
        reuses = await _reused(conn, owner, project_id, made, input_hash(step, work), fresh=fresh)
        anew = reuses is None or reuses.because == "unfinished_work"
        problems = await capacity_problems(service, conn, owner, project_id, step) if anew else []
        continues = reuses.run_id if reuses and anew else None
        body = Rehearsal(
            step=step,
            would_run=anew and not problems,
            reuses=reuses,
            stages=list(STAGES[step]),
            parameters=work.parameters,
            present=await _present(conn, project_id),
            queue=await _place(conn, project, step, work, continues) if anew else None,
            expected=await _cost(conn, work),
            problems=[ErrorBody.model_validate(problem.as_dict()) for problem in problems],
        )
    return JSONResponse(body.model_dump(mode="json"))


async def _reused(
    conn: Connection, owner: UUID, project_id: UUID, made: UUID | None, identity: str, *, fresh: bool
) -> Reused | None:
    if made is not None:
        return _told(await runs.get(conn, made, owner), "idempotency_key")
    if fresh:
        return None
    if (same := await runs.identical(conn, project_id, identity)) is not None:
        return _told(same, "identical_work")
    first = await runs.to_continue(conn, project_id, identity)
    return _told(await runs.get(conn, first, owner), "unfinished_work") if first is not None else None


def _told(run: Row, because: Because) -> Reused:
    notes = {
        "idempotency_key": "A call with the same Idempotency-Key made this run.",
        "identical_work": "Identical work is done already."
        if run["status"] == "completed"
        else "Identical work is in line or at work already.",
        "unfinished_work": f"The same work was begun and {run['status']}; a new run goes on from what it finished.",
    }
    return Reused(run_id=run["id"], status=run["status"], because=because, note=notes[because])


async def _present(conn: Connection, project_id: UUID) -> Present:
    photos = await records.photos(conn, project_id)
    return Present(
        photos=len(photos),
        usable_photos=sum(photo["verdict"] != "rejected" for photo in photos),
        versions=await records.versions(conn, project_id),
    )


async def _place(conn: Connection, project: Row, step: str, work: Work, continues: UUID | None) -> Place:
    newcomer = {
        "id": uuid4(),
        "project_id": project["id"],
        "owner_id": project["owner_id"],
        "step": step,
        "status": "queued",
        "progress_percentage": 0.0,
        "attempt": 0,
        "continues_id": continues,
        "workload": work.workload,
        "size": work.size,
        "elapsed_s": None,
        "not_before": None,
        "back_off_s": 0.0,
        "queue": await choose_queue(conn, step),
    }
    newcomer["turn"] = await allot_turn(conn, newcomer)
    outlook = (await look_ahead(conn, newcomer)).outlooks[newcomer["id"]]
    return Place(name=newcomer["queue"], position=outlook.position, **told(outlook))


async def _cost(conn: Connection, work: Work) -> Cost:
    samples = await history.samples(conn, [work.workload])
    expected: Expected = expect(samples.get(work.workload, []), work.size)
    return Cost(
        seconds_p50=_rounded(expected.seconds_p50),
        seconds_p90=_rounded(expected.seconds_p90),
        bytes=await history.bytes_stored(conn, expected),
        peak_memory_mb=_rounded(expected.peak_memory_mb),
        samples=expected.samples,
        note=expected.note,
    )


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)
