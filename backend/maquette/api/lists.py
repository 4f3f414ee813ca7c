"""The records of a project as lists, with signed addresses for their objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from psycopg import DataError

from maquette.api import shapes
from maquette.api.links import with_links
from maquette.api.owners import Owner
from maquette.api.pages import Cursor, Limit, Listing
from maquette.api.paths import ProjectId, Version
from maquette.api.problems import error_responses
from maquette.api.service import Service, Serving
from maquette.db import projects, records, runs, staleness
from maquette.db.rows import Page, bad_cursor

router = APIRouter(tags=["records"])

Everything = Annotated[
    bool,
    Query(alias="all", description="Also those that newer ones have replaced. Default: false.", examples=[False]),
]


@dataclass(frozen=True)
class _Noun:
    """One kind of record: where it is listed and as what."""

    path: str
    shape: type[shapes.Shape]
    summary: str
    description: str
    history: bool = False
    """Rows may be replaced by newer ones; ``?all=true`` lists those too."""


_NOUNS = (
    _Noun(
        "images",
        shapes.Image,
        "The photos and their verdicts",
        "In upload order, with the original and the processed photo.",
        history=True,
    ),
    _Noun(
        "views",
        shapes.View,
        "The views and their cameras",
        "Of every generate; `run_id` tells them apart.",
        history=True,
    ),
    _Noun(
        "depth-maps",
        shapes.DepthMap,
        "The depth maps",
        "One a view, in world units, with a heatmap to look at.",
        history=True,
    ),
    _Noun(
        "models",
        shapes.Model,
        "The model versions",
        "A tree by `parent_version`; `psnr` and `ssim` are means over the held-out views.",
    ),
    _Noun(
        "iterations",
        shapes.Iteration,
        "The rounds of refine",
        "What each round did to quality, and the version it made.",
    ),
    _Noun(
        "enhanced-views",
        shapes.EnhancedView,
        "What rounds of refine looked at",
        "By version and view: the parent's render of the worst views, and the enhanced picture where one was made.",
    ),
    _Noun(
        "metrics",
        shapes.Metric,
        "PSNR and SSIM",
        "By version, split and view; the mean of a split has `view_index` null.",
    ),
    _Noun(
        "losses",
        shapes.TrainingLosses,
        "The training losses",
        "Of each version, on the way to it; versions of before they were recorded have none.",
    ),
    _Noun(
        "meshes",
        shapes.Mesh,
        "The textured surfaces",
        "Made by the first export of a mesh of a version, with their files: pictures, a turntable, quality.json.",
    ),
    _Noun("exports", shapes.Export, "The files made to take away", "Oldest first, each with its download address."),
    _Noun("runs", shapes.Run, "The runs", "Every call of a step, newest first."),
)


def _declare(noun: _Noun) -> None:
    """A route of its own for each noun, so that the docs say what each list holds, and what it takes."""

    async def list_now(
        service: Serving, owner: Owner, project_id: ProjectId, limit: Limit = 100, cursor: Cursor = None
    ) -> dict[str, Any]:
        page = await _rows(service, owner, project_id, noun.path, limit, cursor)
        items = page.items if noun.path == "runs" else await with_links(service, page.items)
        return {"items": items, "next": page.next}

    async def list_all(
        service: Serving,
        owner: Owner,
        project_id: ProjectId,
        limit: Limit = 100,
        cursor: Cursor = None,
        everything: Everything = False,
    ) -> dict[str, Any]:
        page = await _rows(service, owner, project_id, noun.path, limit, cursor, history=everything)
        return {"items": await with_links(service, page.items), "next": page.next}

    router.add_api_route(
        f"/projects/{{project_id}}/{noun.path}",
        list_all if noun.history else list_now,
        name=f"list_{noun.path.replace('-', '_')}",
        response_model=Listing[noun.shape],  # type: ignore[name-defined]  # the docs need the shape itself
        summary=noun.summary,
        description=noun.description,
        responses=error_responses(404),
    )


for _noun in _NOUNS:
    _declare(_noun)


async def _rows(
    service: Service,
    owner: UUID,
    project_id: UUID,
    noun: str,
    limit: int,
    cursor: str | None,
    *,
    history: bool = False,
) -> Page:
    try:
        async with service.transaction() as conn:
            await projects.get(conn, project_id, owner)
            if noun == "runs":
                return await runs.page(conn, project_id, limit=limit, cursor=cursor)
            return await records.page(conn, noun, project_id, limit=limit, cursor=cursor, history=history)
    except DataError:
        raise bad_cursor() from None


@router.post(
    "/projects/{project_id}/models/{version}/promote",
    response_model=shapes.Model,
    summary="Choose a version",
    responses=error_responses(404, 409),
)
async def promote_model(service: Serving, owner: Owner, project_id: ProjectId, version: Version) -> dict[str, Any]:
    """Make a version the project's chosen one, or roll back to it: refine and export begin there by default."""
    async with service.transaction() as conn:
        await projects.get(conn, project_id, owner, lock=True)
        [row] = await staleness.mark(conn, project_id, "models", [await records.promote(conn, project_id, version)])
    return (await with_links(service, [row]))[0]
