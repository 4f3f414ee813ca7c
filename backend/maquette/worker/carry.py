"""Carries out one run: takes it, fills its folder, watches its child process, keeps its records, ends it."""

from __future__ import annotations

import asyncio
import logging
import shutil
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
from psycopg_pool import PoolTimeout

from maquette.db import runs
from maquette.db.rows import Row
from maquette.errors import MaquetteError
from maquette.execution.fetch import fill_folder
from maquette.execution.keeper import Keeper
from maquette.execution.process import Outcome, run_step_process
from maquette.queue.jobs import enqueue
from maquette.steps.records import Record
from maquette.steps.stages import percentage
from maquette.worker.services import Services

log = logging.getLogger(__name__)

HEARTBEAT_S = 1.0
MAX_ATTEMPTS = 3
"""A step whose process dies without a word is tried this often in all."""


class RunCancelledError(Exception):
    """The user asked for this run to stop."""


@dataclass
class _Position:
    """The newest progress; written to the database once a heartbeat."""

    stage: str | None = None
    percentage: float = 0.0
    message: str = ""
    warnings: list[dict[str, object]] = field(default_factory=list)


async def carry_out(services: Services, run_id: UUID) -> None:
    """Run a queued step to its end. Returns quietly where the run is not queued any more (cancelled, or done)."""
    async with services.pool.connection() as conn:
        run = await runs.start(conn, run_id)
    if run is None:
        log.info("run %s is not waiting any more", run_id)
        return
    log.info("run %s: %s, attempt %d", run_id, run["step"], run["attempt"])
    position = _Position(percentage=float(run["progress_percentage"]))
    work = asyncio.create_task(_work(services, run, position))
    watch = asyncio.create_task(_watch(services, run, position))
    try:
        done, _ = await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
        if work in done:
            await _finish(services, run, work.result())
        else:
            watch.result()
    except RunCancelledError:
        await _stop(work)
        await _end(services, run, "cancelled", error=_cancelled(), message="cancelled")
    except runs.FencedError as error:
        await _stop(work)
        log.warning("run %s: %s", run_id, error.message)
    except asyncio.CancelledError:
        # The worker is shutting down: the run goes back in line, and its folder waits for the next attempt.
        await _stop(work)
        await asyncio.shield(_put_back(services, run, {"code": "worker_stopped", "message": "The worker was stopped."}))
        raise
    except MaquetteError as error:
        told = {**error.as_dict(), "status": error.status}
        await _end(services, run, "failed", error=told, message=error.message)
    except Exception:
        log.exception("run %s failed outside its step", run_id)
        await _stop(work)
        await _end(services, run, "failed", error=_unforeseen(), message="failed")
    finally:
        watch.cancel()


async def _work(services: Services, run: Row, position: _Position) -> Outcome:
    """Fill the folder and run the step in it."""
    folder = services.work / str(run["id"])
    folder.mkdir(parents=True, exist_ok=True)
    parameters = await fill_folder(services.pool, services.objects, run, folder)
    keeper = await Keeper.open(services.pool, services.objects, run, folder)

    def on_progress(stage: str, fraction: float, message: str) -> None:
        position.stage, position.message = stage, message
        position.percentage = max(position.percentage, round(percentage(run["step"], stage, fraction), 1))

    async def on_record(record: Record) -> None:
        await keeper.keep(record)

    outcome = await run_step_process(
        run["step"],
        folder,
        parameters,
        memory_mb=services.settings.step_memory_mb,
        on_progress=on_progress,
        on_record=on_record,
    )
    outcome.result.update(keeper.facts)
    return outcome


async def _watch(services: Services, run: Row, position: _Position) -> None:
    """Beat until cancelled; raises when the run was cancelled or taken over."""
    while True:
        try:
            async with services.pool.connection() as conn:
                cancelled = await runs.beat(
                    conn,
                    run["id"],
                    run["attempt"],
                    stage=position.stage,
                    percentage=position.percentage,
                    message=position.message,
                )
        except (psycopg.OperationalError, PoolTimeout) as error:
            # The database is away for a moment: the step goes on, and the next beat tells whether it is still ours.
            log.warning("run %s: no heartbeat (%s)", run["id"], type(error).__name__)
        else:
            if cancelled:
                raise RunCancelledError
        await asyncio.sleep(HEARTBEAT_S)


async def _finish(services: Services, run: Row, outcome: Outcome) -> None:
    warnings = [warning.model_dump(mode="json") for warning in outcome.warnings]
    if outcome.error is None:
        await _end(
            services,
            run,
            "completed",
            result=outcome.result,
            warnings=warnings,
            degraded=outcome.degraded,
            timings=outcome.timings,
        )
    elif outcome.crashed and run["attempt"] < MAX_ATTEMPTS:
        await _put_back(services, run, outcome.error)
    else:
        told = {**outcome.error, "status": outcome.status}
        await _end(services, run, "failed", error=told, warnings=warnings, message=outcome.error["message"])


async def _end(services: Services, run: Row, status: str, **values: object) -> None:
    """Write the end of the run and remove its folder; a failed run's folder keeps its log until the next start."""
    async with services.pool.connection() as conn:
        await runs.finish(conn, run["id"], run["attempt"], status, **values)
    log.info("run %s: %s", run["id"], status)
    if status != "failed":
        await asyncio.to_thread(shutil.rmtree, services.work / str(run["id"]), ignore_errors=True)


async def _put_back(services: Services, run: Row, reason: dict[str, object]) -> None:
    async with services.pool.connection() as conn:
        again = await runs.requeue(conn, run["id"], run["attempt"], reason)
        if again is not None:
            await enqueue(conn, again)


async def _stop(work: asyncio.Task[Outcome]) -> None:
    """Cancel the step and wait until its child process is gone."""
    work.cancel()
    await asyncio.wait({work})


def _cancelled() -> dict[str, object]:
    return {
        "code": "run_cancelled",
        "message": "The run was cancelled.",
        "details": {},
        "suggestion": "Start it again with POST /api/v1/runs/{id}/retry.",
    }


def _unforeseen() -> dict[str, object]:
    return {
        "code": "internal_error",
        "message": "The run failed for a reason we did not foresee.",
        "details": {},
        "suggestion": "Retry it with POST /api/v1/runs/{id}/retry; if it fails again, see the worker's log.",
    }
