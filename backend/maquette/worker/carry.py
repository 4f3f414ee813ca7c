"""Carries out one run: takes it, fills its folder, watches its child process, keeps its records, ends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from psycopg_pool import PoolTimeout

from maquette.db import runs
from maquette.db.rows import Row
from maquette.errors import MaquetteError
from maquette.execution.deaths import FULL_DISK, StepDiskFullError
from maquette.execution.engines import describe_engines
from maquette.execution.fetch import fill_folder
from maquette.execution.keeper import Keeper
from maquette.execution.limits import step_limits
from maquette.execution.makers import makers
from maquette.execution.patience import PATIENCE_S, patiently
from maquette.execution.process import LOG_NAME, Outcome, run_step_process
from maquette.execution.retries import wait_before_retry
from maquette.execution.saved_work import drop_saved_work, drop_unnamed, mark
from maquette.execution.training_previews import drop_previews
from maquette.logs import about
from maquette.steps.folder import Folder
from maquette.steps.limits import write_limits
from maquette.steps.records import Record, Warn
from maquette.steps.stages import percentage
from maquette.worker.admission import put_off
from maquette.worker.endings import CANCELLED, put_back
from maquette.worker.folders import forget_folder, prepare_folder
from maquette.worker.log_tail import follow_log
from maquette.worker.saver import save_now_and_then
from maquette.worker.screen import Screen, keep_what_is_shown
from maquette.worker.services import Services

log = logging.getLogger(__name__)
HEARTBEAT_S = 1.0
LAST_LINES_S = 3.0
"""How long the end of a run waits until the last lines of its log are kept: a database may hang."""
STOPPING_PATIENCE_S = 2.0
"""How long a worker that is being stopped waits for a database that is away; the sweep does the rest."""


class RunCancelledError(Exception):
    """The user asked for this run to stop."""


@dataclass
class _Position:
    """The newest progress; written to the database once a heartbeat."""

    stage: str | None = None
    percentage: float = 0.0
    message: str = ""
    warnings: list[dict[str, Any]] = field(default_factory=list)
    """Of this attempt, and of those and the runs before it, which may have kept what they warn of."""

    def warn(self, warning: Warn) -> None:
        """Remember a warning once, however many attempts give it."""
        told = warning.model_dump(mode="json")
        if told not in self.warnings:
            self.warnings.append(told)


async def carry_out(services: Services, run_id: UUID) -> None:
    """Run a queued step to its end. Returns quietly where the run is not queued any more (cancelled, or done)."""
    try:
        async with services.pool.connection() as conn:
            if (waits_for := await put_off(conn, services.settings, run_id)) is not None:
                log.info("run %s waits: %s", run_id, waits_for)
                return
            run = await runs.start(conn, run_id)
            if run is not None:
                await runs.set_makers(conn, run_id, makers(run["step"]))
                run["warnings"] = await runs.warnings_so_far(conn, run)
    except psycopg.errors.UniqueViolation:
        # Another step of the project is still marked running, by a worker that died. The sweep ends that one, and
        # puts this run in line again.
        log.warning("run %s: its project is busy; it waits for the next sweep", run_id)
        return
    if run is None:
        log.info("run %s is not waiting any more", run_id)
        return
    with about(run_id=str(run_id), project_id=str(run["project_id"]), step=run["step"], attempt=run["attempt"]):
        await _carry(services, run)


async def _carry(services: Services, run: Row) -> None:
    """One attempt, from its folder to its end."""
    run_id = run["id"]
    log.info("run %s: %s, attempt %d", run_id, run["step"], run["attempt"])
    position = _Position(percentage=float(run["progress_percentage"]), warnings=list(run["warnings"]))
    work = asyncio.create_task(_work(services, run, position))
    watch = asyncio.create_task(_watch(services, run, position))
    try:
        done, _ = await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
        if work in done:
            await _finish(services, run, work.result(), position.warnings)
        else:
            watch.result()
    except RunCancelledError:
        await _stop(work)
        await _end(services, run, "cancelled", error=CANCELLED, warnings=position.warnings, message="cancelled")
    except runs.FencedError as error:
        await _stop(work)
        log.warning("run %s: %s", run_id, error.message)
    except asyncio.CancelledError:
        # The worker is shutting down: the run goes back in line, and its folder waits for the next attempt.
        await _stop(work)
        reason: dict[str, object] = {"code": "worker_stopped", "message": "The worker was stopped."}
        await asyncio.shield(_put_back(services, run, reason, patience_s=STOPPING_PATIENCE_S))
        raise
    except MaquetteError as error:
        await _stop(work)
        await _fail(services, run, error.as_dict(), error.status, position.warnings)
    except (psycopg.OperationalError, PoolTimeout) as error:
        await _stop(work)
        log.warning("run %s: the database was away for too long (%s)", run["id"], type(error).__name__)
        await _fail(services, run, _database_away(), 503, position.warnings)
    except OSError as error:
        # This worker's own: it fills the step's folder, and notes there what it has kept.
        log.exception("run %s failed outside its step", run_id)
        await _stop(work)
        told = StepDiskFullError().as_dict() if error.errno in FULL_DISK else _unforeseen()
        await _fail(services, run, told, 503 if error.errno in FULL_DISK else 500, position.warnings)
    except Exception:
        log.exception("run %s failed outside its step", run_id)
        await _stop(work)
        await _end(services, run, "failed", error=_unforeseen(), warnings=position.warnings, message="failed")
    finally:
        watch.cancel()


async def _work(services: Services, run: Row, position: _Position) -> Outcome:
    """Fill the folder and run the step in it."""
    folder = services.folder(run)
    await asyncio.to_thread(prepare_folder, services, run)
    parameters = await patiently(
        lambda: fill_folder(services.pool, services.objects, run, folder), f"run {run['id']}: its inputs"
    )
    settings = services.settings
    await asyncio.to_thread(
        Folder(folder).describe_machine,
        settings.models_folder,
        allow_noncommercial=settings.allow_noncommercial_models,
        trust_code=settings.trust_model_code,
    )
    await asyncio.to_thread(write_limits, Folder(folder), step_limits(settings))
    await asyncio.to_thread(describe_engines, Folder(folder), settings, memory_mb=services.step_memory_mb)
    await asyncio.to_thread(mark, folder, run)
    keeper = await Keeper.open(services.pool, services.objects, run, folder)

    def on_progress(stage: str, fraction: float, message: str) -> None:
        position.stage, position.message = stage, message
        position.percentage = max(position.percentage, round(percentage(run["step"], stage, fraction), 1))

    async def on_record(record: Record) -> None:
        # First, for the next attempt does not repeat what is kept, nor what it warned of.
        await patiently(lambda: _note_warnings(services, run, position), f"run {run['id']}: a warning")
        await keeper.keep(record)

    saving = asyncio.create_task(save_now_and_then(services, run, folder))
    screen = Screen()
    showing = asyncio.create_task(keep_what_is_shown(services, run, folder, screen))
    ended = asyncio.Event()
    following = asyncio.create_task(follow_log(services, run, folder / LOG_NAME, ended))
    try:
        outcome = await run_step_process(
            run["step"],
            folder,
            parameters,
            memory_mb=services.step_memory_mb,
            silence_s=settings.step_silence_s,
            timeout_s=settings.step_timeout_s,
            on_progress=on_progress,
            on_record=on_record,
            on_warning=position.warn,
            on_preview=screen.show,
        )
    finally:
        saving.cancel()
        showing.cancel()
        ended.set()
        await asyncio.wait({saving, showing})
        await asyncio.wait({following}, timeout=LAST_LINES_S)
        following.cancel()
    outcome.result.update(keeper.facts)
    return outcome


async def _note_warnings(services: Services, run: Row, position: _Position) -> None:
    if position.warnings:
        async with services.pool.connection() as conn:
            await runs.note_warnings(conn, run["id"], run["attempt"], position.warnings)


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


async def _finish(services: Services, run: Row, outcome: Outcome, warnings: list[dict[str, Any]]) -> None:
    """Write how the step ended. The run keeps beating until that is done."""
    if outcome.error is not None:
        await _fail(services, run, outcome.error, outcome.status, warnings)
        return
    # Before the end, which nobody then waits for in vain; everything is kept by now, so nothing goes on from it.
    try:
        await drop_saved_work(services.pool, services.objects, run)
        await drop_previews(services.pool, services.objects, run)
        await drop_unnamed(services.pool, services.objects, run)
    except (psycopg.Error, PoolTimeout, MaquetteError) as error:
        log.warning("run %s: its saved checkpoints or pictures stay (%s)", run["id"], type(error).__name__)
    await _end(
        services,
        run,
        "completed",
        result=outcome.result,
        warnings=warnings,
        degraded=any(warning["degraded"] for warning in warnings),
        timings=outcome.timings,
    )


async def _fail(
    services: Services, run: Row, error: Mapping[str, Any], status: int, warnings: list[dict[str, Any]]
) -> None:
    """Another attempt where its cause allows one, else the end of the run."""
    wait_s = wait_before_retry(error["code"], run["failures"], factor=services.settings.retry_wait_factor)
    if wait_s is not None:
        log.warning("run %s: %s; again in %.0f s", run["id"], error["code"], wait_s)
        await _put_back(services, run, error, wait_s=wait_s)
    else:
        told = {**error, "status": status}
        await _end(services, run, "failed", error=told, warnings=warnings, message=error["message"])


async def _end(services: Services, run: Row, status: str, **values: object) -> None:
    """Write the end of the run; its folder goes with a completed one, and waits for a retry of any other."""

    async def write() -> None:
        async with services.pool.connection() as conn:
            await runs.finish(conn, run["id"], run["attempt"], status, **values)

    try:
        await patiently(write, f"run {run['id']}: its end")
    except runs.FencedError as error:
        log.warning("run %s: %s", run["id"], error.message)
        return
    log.info("run %s: %s", run["id"], status)
    if status == "completed":
        await asyncio.to_thread(forget_folder, services.folder(run))


async def _put_back(
    services: Services,
    run: Row,
    reason: Mapping[str, Any],
    *,
    wait_s: float = 0,
    patience_s: float = PATIENCE_S,
) -> None:
    """Another attempt, and the job that carries it, in one transaction; cancelled where somebody asked meanwhile."""

    async def write() -> None:
        async with services.pool.connection() as conn:
            await put_back(conn, run, reason, wait_s=wait_s)

    await patiently(write, f"run {run['id']}: going back in line", patience_s=patience_s)


async def _stop(work: asyncio.Task[Outcome]) -> None:
    """Cancel the step and wait until its child process is gone."""
    work.cancel()
    await asyncio.wait({work})


def _database_away() -> dict[str, object]:
    return {
        "code": "database_unreachable",
        "message": "The database did not answer for too long.",
        "details": {},
        "suggestion": "It is tried again by itself a few times; then retry with POST /api/v1/runs/{id}/retry.",
    }


def _unforeseen() -> dict[str, object]:
    return {
        "code": "internal_error",
        "message": "The run failed for a reason we did not foresee.",
        "details": {},
        "suggestion": "Retry it with POST /api/v1/runs/{id}/retry; if it fails again, see the worker's log.",
    }
