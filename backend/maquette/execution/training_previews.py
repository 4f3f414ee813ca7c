"""The newest picture of a training under way: one object and one row a run, replaced by each next one."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from psycopg_pool import AsyncConnectionPool

from maquette.db import artifacts, runs
from maquette.db.rows import Connection, Row, fetch_all, fetch_one
from maquette.execution.view_runs import view_run
from maquette.recon.atomic import replacing
from maquette.steps.records import Preview
from maquette.storage import buckets, keys
from maquette.storage.client import Objects

KIND = "training_preview"
MIME = "image/jpeg"


async def save_preview(
    pool: AsyncConnectionPool[Connection], objects: Objects, run: Row, preview: Preview, number: int, root: Path
) -> None:
    """Store a picture and show it on the run, in place of the one before. ``number`` counts those of an attempt.

    Raises ``run_fenced`` where another attempt has taken over. Killed anywhere, the row names an object that is there.
    """
    key = keys.training_preview(run["project_id"], keys.maker(run["id"], run["attempt"]), number)
    path = root / ".preview.jpg"
    await asyncio.to_thread(_write, path, preview.picture)
    await objects.upload(buckets.MODELS, key, path, MIME)
    async with pool.connection() as conn:
        await runs.assert_current(conn, run["id"], run["attempt"])
        view = await fetch_one(
            conn,
            "select id from public.multiview_generation where run_id = %s and view_index = %s and replaced_at is null",
            [await view_run(conn, run), preview.view_index],
        )
        if view is None:
            raise RuntimeError(f"run {run['id']} shows view {preview.view_index}, which nobody kept")
        before = await _artifacts(conn, run)
        artifact_id = await artifacts.record(
            conn,
            project_id=run["project_id"],
            run_id=run["id"],
            kind=KIND,
            bucket=buckets.MODELS,
            path=key,
            sha256=hashlib.sha256(preview.picture).hexdigest(),
            size=len(preview.picture),
            mime=MIME,
        )
        await conn.execute(
            "insert into public.training_previews as p (project_id, run_id, attempt, view_id, iteration, iterations,"
            "  psnr, width, height, artifact_id)"
            " values (%(project)s, %(run)s, %(attempt)s, %(view)s, %(iteration)s, %(iterations)s, %(psnr)s, %(width)s,"
            "  %(height)s, %(artifact)s)"
            " on conflict (run_id) do update set attempt = excluded.attempt, view_id = excluded.view_id,"
            "  iteration = excluded.iteration, iterations = excluded.iterations, psnr = excluded.psnr,"
            "  width = excluded.width, height = excluded.height, artifact_id = excluded.artifact_id,"
            "  created_at = now()",
            {
                "project": run["project_id"],
                "run": run["id"],
                "attempt": run["attempt"],
                "view": view["id"],
                "artifact": artifact_id,
                **preview.model_dump(exclude={"view_index", "picture"}),
            },
        )
        # Those of runs that this one goes on from too: it shows what they showed.
        old = await _forget(conn, [row["id"] for row in before])
    await objects.remove(buckets.MODELS, [path for path in old if path != key])


async def drop_previews(pool: AsyncConnectionPool[Connection], objects: Objects, run: Row) -> None:
    """Take away what was shown of work that is done: its versions have previews of their own.

    Raises ``run_fenced`` where another attempt has taken over.
    """
    async with pool.connection() as conn:
        await runs.assert_current(conn, run["id"], run["attempt"])
        old = await _forget(conn, [row["id"] for row in await _artifacts(conn, run)])
    # After the rows: a kill in between leaves an object that nothing names, and never a row without its object.
    await objects.remove(buckets.MODELS, old)


async def _artifacts(conn: Connection, run: Row) -> list[Row]:
    return await fetch_all(
        conn,
        "select id from public.artifacts where kind = %s and run_id = any(%s)",
        [KIND, await runs.same_row(conn, run)],
    )


async def _forget(conn: Connection, artifact_ids: list[object]) -> list[str]:
    """Rows of previews go with their artifacts."""
    rows = await fetch_all(
        conn, "delete from public.artifacts where id = any(%s) returning path, removed_at", [artifact_ids]
    )
    return [row["path"] for row in rows if row["removed_at"] is None]


def _write(path: Path, picture: bytes) -> None:
    with replacing(path) as file:
        file.write(picture)
