"""Artifacts: one row for each object in a bucket, and what each was made from."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_one


async def record(
    conn: Connection,
    *,
    project_id: UUID,
    run_id: UUID,
    kind: str,
    bucket: str,
    path: str,
    sha256: str,
    size: int,
    mime: str,
) -> UUID:
    """Insert an object's row, or renew it where the same key was written again: by a photo that was sent again."""
    row = await fetch_one(
        conn,
        "insert into public.artifacts (project_id, run_id, kind, bucket, path, sha256, bytes, mime)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (bucket, path) do update set sha256 = excluded.sha256, bytes = excluded.bytes,"
        " run_id = excluded.run_id, kind = excluded.kind, mime = excluded.mime, removed_at = null"
        " where public.artifacts.project_id = excluded.project_id returning id",
        [project_id, run_id, kind, bucket, path, sha256, size, mime],
    )
    if row is None:
        raise RuntimeError(f"object {bucket}/{path} belongs to another project")
    artifact_id: UUID = row["id"]
    return artifact_id


async def link(conn: Connection, artifact_id: UUID, inputs: Iterable[UUID]) -> None:
    """Say what an artifact was made from."""
    await conn.execute(
        "insert into public.artifact_inputs (artifact_id, input_artifact_id)"
        " select %s, made_from from unnest(%s::uuid[]) made_from on conflict do nothing",
        [artifact_id, list(set(inputs) - {artifact_id})],
    )


async def get(conn: Connection, artifact_id: UUID) -> Row | None:
    """One artifact."""
    return await fetch_one(conn, "select * from public.artifacts where id = %s", [artifact_id])
