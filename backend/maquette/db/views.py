"""The view that somebody names, among those that a model version lives in."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_all, fetch_one
from maquette.errors import NotFoundError

# Photos are known by name across generates; an index belongs to one generate alone.
_VIEW: LiteralString = (
    "select v.id, v.view_index, v.name, v.split, v.camera, jsonb_build_object('image', jsonb_build_object("
    " 'id', a.id, 'bucket', a.bucket, 'path', a.path, 'bytes', a.bytes, 'sha256', a.sha256, 'mime', a.mime,"
    " 'removed_at', a.removed_at)) as objects"
    " from public.multiview_generation v left join public.artifacts a on a.id = v.image_artifact_id"
    " where v.run_id = %s and v.replaced_at is null"
)


class ViewNotFoundError(NotFoundError):
    """The version's generate made no such view."""

    code = "view_not_found"


async def find(conn: Connection, view_run_id: UUID, asked: str | None) -> Row:
    """A view by name or index, with its picture; the first of the evaluation set where ``asked`` is None."""
    if asked is None:
        row = await fetch_one(conn, _VIEW + " order by v.split <> 'held_out', v.view_index limit 1", [view_run_id])
    elif asked.isdecimal() and len(asked) < 10:
        row = await fetch_one(conn, _VIEW + " and v.view_index = %s", [view_run_id, int(asked)])
    else:
        row = await fetch_one(conn, _VIEW + " and v.name = %s", [view_run_id, asked])
    if row is None:
        raise ViewNotFoundError(
            f"This version has no view '{asked}'." if asked else "This version has no views.",
            suggestion="GET /api/v1/projects/{id}/views lists them; `view` is the name or the view_index.",
            view=asked,
        )
    return row


async def cameras(conn: Connection, view_run_id: UUID) -> list[Row]:
    """``view_index`` and ``camera`` of the views that a version lives in, in their order."""
    return await fetch_all(
        conn,
        "select view_index, camera from public.multiview_generation where run_id = %s and replaced_at is null"
        " order by view_index",
        [view_run_id],
    )
