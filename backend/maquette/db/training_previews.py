"""How the training of a run looks just now, for a reader: the newest picture and the photo to see it beside."""

from __future__ import annotations

from uuid import UUID

from maquette.db.records import object_of
from maquette.db.rows import Connection, Row, fetch_one


async def read(conn: Connection, project_id: UUID, run_id: UUID) -> Row | None:
    """None where a run shows nothing: its training has not begun, or was completed."""
    return await fetch_one(
        conn,
        "select t.*, v.view_index, v.split, s.filename as photo_name, jsonb_build_object('render', "
        + object_of("r")
        + ", 'photo', "
        + object_of("i")
        + ") as objects from public.training_previews t"
        " join public.multiview_generation v on v.id = t.view_id and v.project_id = t.project_id"
        " left join public.source_images s on s.id = v.source_image_id and s.project_id = t.project_id"
        " join public.artifacts r on r.id = t.artifact_id left join public.artifacts i on i.id = v.image_artifact_id"
        " where t.project_id = %s and t.run_id = %s",
        [project_id, run_id],
    )
