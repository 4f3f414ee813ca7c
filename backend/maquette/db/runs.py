"""Runs: one row for each call of a step. Writes of a worker are fenced by the run's attempt number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from maquette.db.rows import Connection, Page, Row, fetch_all, fetch_one, insert, newest_first
from maquette.errors import MaquetteError, NotFoundError

FINAL = frozenset({"completed", "failed", "cancelled"})
"""Statuses that a run never leaves."""


class RunNotFoundError(NotFoundError):
    """No such run, or not yours."""

    code = "run_not_found"


class FencedError(MaquetteError):
    """This attempt is no longer the run's current one: it was cancelled, or another worker took over."""

    code = "run_fenced"
    status = 409


async def create(conn: Connection, project_id: UUID, step: str, **values: Any) -> Row:
    """Insert a run; ``values``: parameters, seed, code_version, input_hash, idempotency_key, or a finished upload's."""
    return await insert(conn, "runs", {"project_id": project_id, "step": step, **values})


async def get(conn: Connection, run_id: UUID, owner_id: UUID) -> Row:
    """A run of one of the owner's projects; ``run_not_found`` otherwise."""
    row = await fetch_one(
        conn,
        "select r.* from public.runs r join public.projects p on p.id = r.project_id"
        " where r.id = %s and p.owner_id = %s",
        [run_id, owner_id],
    )
    if row is None:
        raise RunNotFoundError(
            f"There is no run {run_id}.", suggestion="List a project's runs with GET /api/v1/projects/{id}/runs."
        )
    return row


async def identical(
    conn: Connection, project_id: UUID, input_hash: str, *, since: datetime | None = None
) -> Row | None:
    """A run of identical work: the newest completed one whose results are there, else one in line or at work that
    stays so. ``since``: only of those that were called after that.
    """
    return await fetch_one(
        conn,
        "select * from public.runs where project_id = %s and input_hash = %s and cancel_requested_at is null"
        " and status in ('completed', 'queued', 'running') and queued_at > coalesce(%s::timestamptz, '-infinity')"
        " and not exists (select from public.artifacts a where a.run_id = runs.id and a.kind in ('model', 'export')"
        "  and a.removed_at is not null)"
        " order by status = 'completed' desc, finished_at desc nulls last, queued_at limit 1",
        [project_id, input_hash, since],
    )


async def unfinished(conn: Connection, project_id: UUID) -> list[Row]:
    """Queued and running runs of a project, oldest first."""
    return await fetch_all(
        conn,
        "select * from public.runs where project_id = %s and status in ('queued', 'running') order by queued_at, id",
        [project_id],
    )


async def page(conn: Connection, project_id: UUID, *, limit: int, cursor: str | None = None) -> Page:
    """A project's runs, newest first."""
    return await newest_first(
        conn, "select * from public.runs where project_id = %s", project_id, "queued_at", limit=limit, cursor=cursor
    )


async def kept(conn: Connection, project_id: UUID) -> Row:
    """How many ``photos``, ``models`` and ``exports`` of a project stay, whatever becomes of a run."""
    row = await fetch_one(
        conn,
        "select (select count(*) from public.source_images where project_id = %(id)s and replaced_at is null)"
        "  as photos,"
        " (select count(*) from public.gaussian_splat_models where project_id = %(id)s) as models,"
        " (select count(*) from public.export_history where project_id = %(id)s) as exports",
        {"id": project_id},
    )
    return row or {"photos": 0, "models": 0, "exports": 0}


async def upload_with_key(conn: Connection, owner_id: UUID, key: str, *, within: timedelta) -> Row | None:
    """The owner's newest upload that an earlier call with the same key made, in any project."""
    return await fetch_one(
        conn,
        "select r.* from public.runs r join public.projects p on p.id = r.project_id"
        " where p.owner_id = %s and r.step = 'upload' and r.idempotency_key = %s and r.queued_at > now() - %s"
        " order by r.queued_at desc limit 1",
        [owner_id, key, within],
    )


async def hold_upload_key(conn: Connection, owner_id: UUID, key: str) -> None:
    """Wait until no other upload of the owner with this key is under way; held until the transaction ends."""
    await conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"upload {owner_id} {key}"])


async def free_key(conn: Connection, project_id: UUID, step: str, key: str) -> None:
    """Take a key, whose time is over, from an older run of the step."""
    await conn.execute(
        "update public.runs set idempotency_key = null where project_id = %s and step = %s and idempotency_key = %s",
        [project_id, step, key],
    )


async def to_continue(conn: Connection, project_id: UUID, input_hash: str) -> UUID | None:
    """The first of a row of runs that did this very work and ended before it was done: what they kept can be used.

    None where there is none, or where the work was done since.
    """
    row = await fetch_one(
        conn,
        "select coalesce(continues_id, id) as first, status from public.runs"
        " where project_id = %s and input_hash = %s and status in ('failed', 'cancelled', 'completed')"
        " and (started_at is not null or continues_id is not null)"
        " order by queued_at desc, id desc limit 1",
        [project_id, input_hash],
    )
    return row["first"] if row and row["status"] != "completed" else None


async def successor(conn: Connection, run: Row) -> UUID | None:
    """A later run that does, or did, the same work in place of one that ended early; None where there is none."""
    row = await fetch_one(
        conn,
        "select id from public.runs where continues_id = %s and queued_at > %s and cancel_requested_at is null"
        " and status in ('queued', 'running', 'completed') order by queued_at desc limit 1",
        [work_id(run), run["queued_at"]],
    )
    return row["id"] if row else None


async def same_row(conn: Connection, run: Row) -> list[UUID]:
    """The run and all that did the same work before it, each going on from the other."""
    rows = await fetch_all(
        conn,
        "select id from public.runs where id = %(first)s or continues_id = %(first)s order by queued_at, id",
        {"first": work_id(run)},
    )
    return [row["id"] for row in rows]


def work_id(run: Row) -> UUID:
    """What runs that do one work have in common: the first of them."""
    first: UUID = run["continues_id"] or run["id"]
    return first


async def set_job(conn: Connection, run_id: UUID, job_id: int, *, turn: int, queue: str, wait_s: float) -> None:
    """Remember which Procrastinate job carries the run, its place in line, and when it may start."""
    await conn.execute(
        "update public.runs set job_id = %(job)s, turn = %(turn)s, queue = %(queue)s,"
        " not_before = case when %(wait)s > 0 then now() + make_interval(secs => %(wait)s) end where id = %(run)s",
        {"job": job_id, "turn": turn, "queue": queue, "wait": wait_s, "run": run_id},
    )


async def start(conn: Connection, run_id: UUID) -> Row | None:
    """Take a run: from queued to running with a new attempt number. None where it is not queued any more."""
    return await fetch_one(
        conn,
        "update public.runs set status = 'running', attempt = attempt + 1, error = null, not_before = null,"
        " started_at = coalesce(started_at, now()), heartbeat_at = now()"
        " where id = %s and status = 'queued' returning *",
        [run_id],
    )


async def set_makers(conn: Connection, run_id: UUID, made_by: Mapping[str, str]) -> None:
    """Record the versions of what does the work, which may not be those of the machine that took the call."""
    await conn.execute(
        "update public.runs set code_version = %s, model_versions = %s where id = %s",
        [made_by["maquette"], Jsonb(dict(made_by)), run_id],
    )


async def beat(
    conn: Connection, run_id: UUID, attempt: int, *, stage: str | None, percentage: float, message: str
) -> bool:
    """Report that an attempt lives and how far it is. Returns whether somebody asked to cancel it.

    Raises ``run_fenced`` where the attempt is no longer the run's current one.
    """
    row = await fetch_one(
        conn,
        "update public.runs set heartbeat_at = now(), stage = %s, progress_percentage = %s, message = %s"
        " where id = %s and attempt = %s and status = 'running' returning cancel_requested_at",
        [stage, percentage, message, run_id, attempt],
    )
    if row is None:
        raise _fenced(run_id, attempt)
    return row["cancel_requested_at"] is not None


async def note_warnings(conn: Connection, run_id: UUID, attempt: int, warnings: Sequence[Mapping[str, Any]]) -> None:
    """Show a running attempt's warnings, which outlive it; one that has been taken over changes nothing."""
    await conn.execute(
        "update public.runs set warnings = %s where id = %s and attempt = %s and status = 'running'",
        [Jsonb([dict(warning) for warning in warnings]), run_id, attempt],
    )


async def warnings_so_far(conn: Connection, run: Row) -> list[dict[str, Any]]:
    """What a run and those that it goes on from have warned of, each once: what they kept rests on it."""
    rows = await fetch_all(
        conn,
        "select warnings from public.runs where id = %(first)s or continues_id = %(first)s order by queued_at, id",
        {"first": work_id(run)},
    )
    told = [warning for row in rows for warning in row["warnings"]]
    return [warning for place, warning in enumerate(told) if warning not in told[:place]]


async def assert_current(conn: Connection, run_id: UUID, attempt: int) -> Row:
    """Lock the run for the rest of the transaction and make sure that the attempt may still write."""
    row = await fetch_one(
        conn,
        "select * from public.runs where id = %s and attempt = %s and status = 'running' for update",
        [run_id, attempt],
    )
    if row is None:
        raise _fenced(run_id, attempt)
    return row


async def finish(conn: Connection, run_id: UUID, attempt: int, status: str, **values: Any) -> Row:
    """End an attempt as completed, failed or cancelled; ``values``: result, error, warnings, degraded, timings.

    Warnings that were noted before stay where none are given.
    """
    done = status == "completed"
    row = await fetch_one(
        conn,
        "update public.runs set status = %(status)s, finished_at = now(), heartbeat_at = now(),"
        " progress_percentage = case when %(done)s then 100 else progress_percentage end,"
        " result = %(result)s, error = %(error)s, warnings = coalesce(%(warnings)s, warnings), degraded = %(degraded)s,"
        " timings = %(timings)s, message = %(message)s"
        " where id = %(id)s and attempt = %(attempt)s and status = 'running' returning *",
        {
            "id": run_id,
            "attempt": attempt,
            "status": status,
            "done": done,
            "result": Jsonb(values.get("result") or {}),
            "error": Jsonb(values["error"]) if values.get("error") else None,
            "warnings": Jsonb(values["warnings"]) if "warnings" in values else None,
            "degraded": bool(values.get("degraded", False)),
            "timings": Jsonb(values.get("timings") or {}),
            "message": str(values.get("message", "")),
        },
    )
    if row is None:
        raise _fenced(run_id, attempt)
    return row


async def complete_at_once(
    conn: Connection,
    run_id: UUID,
    *,
    result: Mapping[str, Any],
    timings: Mapping[str, Any],
    warnings: Sequence[Mapping[str, Any]] = (),
) -> Row:
    """End a run that was created and carried out within this transaction: an upload."""
    row = await fetch_one(
        conn,
        "update public.runs set status = 'completed', attempt = 1, progress_percentage = 100, started_at = now(),"
        " finished_at = clock_timestamp(), result = %s, timings = %s, warnings = %s, degraded = %s"
        " where id = %s and status = 'queued' returning *",
        [
            Jsonb(dict(result)),
            Jsonb(dict(timings)),
            Jsonb([dict(warning) for warning in warnings]),
            any(warning["degraded"] for warning in warnings),
            run_id,
        ],
    )
    if row is None:
        raise RunNotFoundError(f"There is no waiting run {run_id}.")
    return row


async def requeue(conn: Connection, run_id: UUID, attempt: int, reason: Mapping[str, Any]) -> Row | None:
    """Put a lost attempt back in line, keeping and counting why; None where the run moved on by itself."""
    return await fetch_one(
        conn,
        "update public.runs set status = 'queued', error = %(reason)s, message = 'waiting for another attempt',"
        " failures = failures || jsonb_build_object(%(code)s::text, coalesce((failures ->> %(code)s)::integer, 0) + 1)"
        " where id = %(id)s and attempt = %(attempt)s and status = 'running' returning *",
        {"reason": Jsonb(dict(reason)), "code": reason["code"], "id": run_id, "attempt": attempt},
    )


async def request_cancel(conn: Connection, run_id: UUID) -> Row | None:
    """Cancel a queued run at once, or ask a running one to stop. None where it has already ended."""
    return await fetch_one(
        conn,
        "update public.runs set cancel_requested_at = coalesce(cancel_requested_at, now()),"
        " status = case when status = 'queued' then 'cancelled' else status end,"
        " finished_at = case when status = 'queued' then now() else finished_at end"
        " where id = %s and status in ('queued', 'running') returning *",
        [run_id],
    )


async def stalled(conn: Connection, seconds: float) -> list[Row]:
    """Running runs whose heartbeat is older than this, or that never had one for so long: set running by hand.

    None while the database itself runs no longer than that: nobody could beat while it was away.
    """
    return await fetch_all(
        conn,
        "select * from public.runs where status = 'running'"
        " and coalesce(heartbeat_at, started_at, queued_at) < now() - make_interval(secs => %(seconds)s)"
        " and pg_postmaster_start_time() < now() - make_interval(secs => %(seconds)s)",
        {"seconds": seconds},
    )


def _fenced(run_id: UUID, attempt: int) -> FencedError:
    return FencedError(f"Attempt {attempt} of run {run_id} is no longer its current one.")
