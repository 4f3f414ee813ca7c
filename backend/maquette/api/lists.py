"""The records of a project as lists, with signed addresses for their objects."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from psycopg import DataError

from maquette.api import shapes
from maquette.api.links import with_links
from maquette.api.owners import Owner
from maquette.api.pages import Cursor, Limit, Listing
from maquette.api.paths import ProjectId, Version
from maquette.api.problems import error_responses
from maquette.api.service import Service, Serving
from maquette.db import projects, records, runs
from maquette.db.rows import Page, decode_cursor

router = APIRouter(tags=["records"])


async def _page(
    service: Service, owner: UUID, project_id: UUID, noun: str, limit: int, cursor: str | None
) -> dict[str, Any]:
    page = await _rows(service, owner, project_id, noun, limit, cursor)
    items = page.items if noun == "runs" else await with_links(service, page.items)
    return {"items": items, "next": page.next}


async def _rows(service: Service, owner: UUID, project_id: UUID, noun: str, limit: int, cursor: str | None) -> Page:
    try:
        async with service.transaction() as conn:
            await projects.get(conn, project_id, owner)
            if noun == "runs":
                return await runs.page(conn, project_id, limit=limit, cursor=cursor)
            return await records.page(conn, noun, project_id, limit=limit, cursor=cursor)
    except DataError:
        # A cursor of the right form with values that are none, such as a time that is no time.
        decode_cursor("", 1)
        raise


@router.get(
    "/projects/{project_id}/images",
    response_model=Listing[shapes.Image],
    summary="The photos and their verdicts",
    responses=error_responses(404),
)
async def list_images(
    service: Serving, owner: Owner, project_id: ProjectId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """In upload order, with the original and the processed photo."""
    return await _page(service, owner, project_id, "images", limit, cursor)


@router.get(
    "/projects/{project_id}/views",
    response_model=Listing[shapes.View],
    summary="The views and their cameras",
    responses=error_responses(404),
)
async def list_views(
    service: Serving, owner: Owner, project_id: ProjectId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Of every generate; `run_id` tells them apart."""
    return await _page(service, owner, project_id, "views", limit, cursor)


@router.get(
    "/projects/{project_id}/depth-maps",
    response_model=Listing[shapes.DepthMap],
    summary="The depth maps",
    responses=error_responses(404),
)
async def list_depth_maps(
    service: Serving, owner: Owner, project_id: ProjectId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """One a view, in world units, with a heatmap to look at."""
    return await _page(service, owner, project_id, "depth-maps", limit, cursor)


@router.get(
    "/projects/{project_id}/models",
    response_model=Listing[shapes.Model],
    summary="The model versions",
    responses=error_responses(404),
)
async def list_models(
    service: Serving, owner: Owner, project_id: ProjectId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """A tree by `parent_version`; `psnr` and `ssim` are means over the held-out views."""
    return await _page(service, owner, project_id, "models", limit, cursor)


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
        row = await records.promote(conn, project_id, version)
    return (await with_links(service, [row]))[0]


@router.get(
    "/projects/{project_id}/iterations",
    response_model=Listing[shapes.Iteration],
    summary="The rounds of refine",
    responses=error_responses(404),
)
async def list_iterations(
    service: Serving, owner: Owner, project_id: ProjectId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """What each round did to quality, and the version it made."""
    return await _page(service, owner, project_id, "iterations", limit, cursor)


@router.get(
    "/projects/{project_id}/enhanced-views",
    response_model=Listing[shapes.EnhancedView],
    summary="What rounds of refine looked at",
    responses=error_responses(404),
)
async def list_enhanced_views(
    service: Serving, owner: Owner, project_id: ProjectId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """By version and view: the parent's render of the worst views, and the enhanced picture where one was made."""
    return await _page(service, owner, project_id, "enhanced-views", limit, cursor)


@router.get(
    "/projects/{project_id}/metrics",
    response_model=Listing[shapes.Metric],
    summary="PSNR and SSIM",
    responses=error_responses(404),
)
async def list_metrics(
    service: Serving, owner: Owner, project_id: ProjectId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """By version, split and view; the mean of a split has `view_index` null."""
    return await _page(service, owner, project_id, "metrics", limit, cursor)


@router.get(
    "/projects/{project_id}/exports",
    response_model=Listing[shapes.Export],
    summary="The files made to take away",
    responses=error_responses(404),
)
async def list_exports(
    service: Serving, owner: Owner, project_id: ProjectId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Oldest first, each with its download address."""
    page = await _page(service, owner, project_id, "exports", limit, cursor)
    for item in page["items"]:
        item["file_size_mb"] = round(item["bytes"] / 1e6, 3)
    return page


@router.get(
    "/projects/{project_id}/runs",
    response_model=Listing[shapes.Run],
    summary="The runs",
    responses=error_responses(404),
)
async def list_runs(
    service: Serving, owner: Owner, project_id: ProjectId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Every call of a step, newest first."""
    return await _page(service, owner, project_id, "runs", limit, cursor)
