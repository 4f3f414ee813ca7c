"""Which run made the views that a run works with."""

from __future__ import annotations

from uuid import UUID

from maquette.db import records, runs
from maquette.db.rows import Connection, Row, fetch_one


async def views_kept(conn: Connection, run: Row) -> UUID | None:
    """Which run kept the views of a generate: itself, or one that it goes on from; None where none has yet."""
    row = await fetch_one(
        conn,
        # Retention may have taken the photos of a run that ended long ago: those views are as good as never made.
        "select v.run_id from public.multiview_generation v where v.run_id = any(%s) and not exists ("
        " select from public.multiview_generation w join public.artifacts a on a.id = w.image_artifact_id"
        " where w.run_id = v.run_id and a.removed_at is not null) limit 1",
        [await runs.same_row(conn, run)],
    )
    return row["run_id"] if row else None


async def view_run(conn: Connection, run: Row) -> UUID:
    """The generate whose views a run works with: itself, or that of the version which it begins with."""
    if run["step"] == "generate":
        return await views_kept(conn, run) or run["id"]
    version = run["parameters"].get("from_version")
    of_version: UUID = (await records.model(conn, run["project_id"], version))["view_run_id"]
    return of_version
