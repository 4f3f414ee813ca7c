"""The doctor's verdict on all photos that a project has, from its rows: photos come in several uploads."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_all


async def judge_project(conn: Connection, project_id: UUID) -> dict[str, Any] | None:
    """What stands in ``projects.capture`` after an upload; None where nothing is a photo or a frame."""
    rows = await fetch_all(
        conn,
        "select filename, verdict, reasons, width, height, sharpness, exposure,"
        " details ->> 'camera_model' as camera_model from public.source_images"
        " where project_id = %s and replaced_at is null and kind in ('photo', 'frame') and width is not null"
        " order by image_index",
        [project_id],
    )
    return _judged(rows) if rows else None


def _judged(rows: list[Row]) -> dict[str, Any]:
    # Imported here: the API starts without compute.
    from maquette.recon.capture import Measures, Reason, Verdict
    from maquette.recon.doctor import judge_set

    verdicts = [
        Verdict(
            name=row["filename"],
            status=row["verdict"],
            reasons=tuple(Reason(one["code"], one["message"], one["suggestion"]) for one in row["reasons"]),
            measures=Measures(
                name=row["filename"],
                width=row["width"],
                height=row["height"],
                sharpness=row["sharpness"] or 0.0,
                brightness=255 * (row["exposure"] or 0.0),
                clipped_share=0.0,
                pixels_sha256="",
                thumbnail="",
            ),
        )
        for row in rows
    ]
    return judge_set(verdicts, [row["camera_model"] for row in rows]).as_dict()
