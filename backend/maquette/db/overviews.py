"""Projects as a page of cards shows them: each with its picture and how much is in it, in one query."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from maquette.db.records import object_of
from maquette.db.rows import Connection, Page, newest_first

_CARDS: LiteralString = (
    "select * from (select t.*, photos.usable as photos, models.made as versions, models.psnr,"
    " jsonb_build_object('poster', " + object_of("a") + ") as objects"
    " from public.projects t"
    # A replaced photo counts no more; of six views with depth only the views are photos.
    " cross join lateral (select count(*) as usable,"
    " (array_agg(i.processed_artifact_id order by i.image_index))[1] as first_artifact_id"
    " from public.source_images i where i.project_id = t.id and i.verdict <> 'rejected' and i.replaced_at is null"
    " and i.kind <> 'depth_render') photos"
    " cross join lateral (select count(*) as made, max(m.psnr) filter (where m.promoted) as psnr"
    " from public.gaussian_splat_models m where m.project_id = t.id) models"
    " left join public.artifacts a on a.project_id = t.id"
    " and a.id = photos.first_artifact_id) cards where owner_id = %s"
)


async def page(conn: Connection, owner_id: UUID, *, limit: int, cursor: str | None = None) -> Page:
    """The owner's projects, newest first, each with ``photos``, ``versions``, ``psnr`` and a poster to be signed: the
    first usable photo, for a version's preview is a sheet of comparisons."""
    return await newest_first(conn, _CARDS, owner_id, "created_at", limit=limit, cursor=cursor)
